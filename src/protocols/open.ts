// The open connections of a server. No Set: when V8 grows a Set's table, the old table keeps what it held alive until
// the next full collection, which doubled the garbage collector's work where each request has its own connection.

export interface Placed {
  /** Its place in the list; -1 where it is not in there. */
  place: number;
}

export interface OpenConnections<One extends Placed> extends Iterable<One> {
  readonly size: number;
  add(connection: One): void;
  /** False where it was not there. */
  delete(connection: One): boolean;
}

export function createOpenConnections<One extends Placed>(): OpenConnections<One> {
  const list: One[] = [];
  return {
    get size() {
      return list.length;
    },
    add(connection) {
      connection.place = list.push(connection) - 1;
    },
    delete(connection) {
      const { place } = connection;
      if (place < 0) return false;
      const last = list.pop();
      if (last !== undefined && last !== connection) {
        list[place] = last;
        last.place = place;
      }
      connection.place = -1;
      return true;
    },
    [Symbol.iterator]: () => list.slice()[Symbol.iterator](),
  };
}
