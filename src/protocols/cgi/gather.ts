// Collects the first bytes of a connection until a head is whole, however they are cut up on their way.

export interface Gathered {
  readonly head: Buffer;
  /** What came after the head. */
  readonly rest: Buffer;
}

/**
 * `measure` tells from the first bytes how long the head is; undefined where it needs more of them. It may throw. The
 * function returned takes what comes in, and gives the head once it is whole.
 */
export function createGatherer(
  measure: (bytes: Buffer) => number | undefined,
): (chunk: Buffer) => Gathered | undefined {
  let pieces: Buffer[] = [];
  let have = 0;
  let need: number | undefined;
  return (chunk) => {
    pieces.push(chunk);
    have += chunk.length;
    if (need === undefined) {
      // The first bytes are few: as long as they don't tell the size, they are put together each time.
      if (pieces.length > 1) pieces = [Buffer.concat(pieces)];
      need = measure(pieces[0] ?? chunk);
    }
    if (need === undefined || have < need) return undefined;
    const all = pieces.length === 1 ? (pieces[0] ?? chunk) : Buffer.concat(pieces);
    pieces = [];
    return { head: all.subarray(0, need), rest: all.subarray(need) };
  };
}
