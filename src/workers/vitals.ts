// What an event loop leaves in shared memory, so that another thread can say what it was doing when it no longer can.
// One for each loop: the main thread's in a process, each thread's in a threaded worker.
//
// The loop's thread alone writes. A request's place is taken before it is filled in and given up when the request is
// over; a reader that finds the same number in `sequence` before and after has read one request, whole.

import { performance } from "node:perf_hooks";
import { FINDS_PEERS, findPeers } from "../os/peer.ts";

/** Requests whose lines are kept, in the places below it. What is beyond shares one more, which the latest of them has. */
export const PLACES = 127;
const SLOTS = PLACES + 1;
/** Bytes for `METHOD target` and for the client's address; what is longer is cut. */
const LINE = 200;
const ADDRESS = 48;

const HEADER_BYTES = 32;
/** Where the texts begin in a slot. */
const TEXT = 32;
const SLOT_BYTES = TEXT + LINE + ADDRESS;

/** Words of 32 bits in the header, and in a slot from its start. */
const COUNT = 0;
const INSPECTED = 1;
const SEQUENCE = 0;
const TOLD = 1;
const LINE_LENGTH = 2;
const ADDRESS_LENGTH = 3;
/** The port, or the connection's descriptor. */
const PORT = 6;
/** In the place of an address's length. */
const BY_DESCRIPTOR = -1;
/** Doubles: when the loop last beat, when it last ran its timer; when a request began, from the slot's start. */
const BEAT = 1;
const RAN = 2;
const BEGAN = 2;

/** Who is told of where no address is known. */
const UNSEEN = {
  gone: "a client that has gone",
  unknown: "a client that could not be looked up",
} as const;

/** Milliseconds of the one monotonic clock that all threads of a process share; performance.now() is each thread's own. */
export const sharedNow = (): number => performance.now() + OFFSET;
/** A time of this thread's performance.now() on that clock. */
export const shared = (time: number): number => time + OFFSET;
const OFFSET = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** What is told about a request. `exchange.ts` has all of it. */
export interface Told {
  readonly method: string;
  readonly target: string;
  readonly client: Client;
  /** The descriptor of its connection where finding it out takes a system call: whoever reads does that. -1 tells nothing. */
  readonly clientAtHand: Client | number;
}

interface Client {
  readonly address: string;
  readonly port: number | undefined;
}

export interface RequestInFlight {
  /** Method and target as sent, one character per byte. */
  readonly line: string;
  /** `127.0.0.1:50122`, or `a unix socket`. */
  readonly client: string;
  /** When it began, on sharedNow()'s clock. */
  readonly began: number;
}

/** The writing end: for the loop's own thread. */
export interface Vitals {
  readonly shared: SharedArrayBuffer;
  /** `inspected`: a debugger may be attached, who is not to be disturbed. */
  beat(now: number, inspected: boolean): void;
  /** Says, oftener than it beats, that the loop runs. */
  runs(now: number): void;
  /** `place` is one that is free: a whole number, below PLACES where one of those is. */
  begin(place: number, request: Told, now: number): void;
  end(place: number): void;
  /** Notes that the request is in the log as slow. False where that was noted before. */
  tell(place: number): boolean;
}

/**
 * `byDescriptor`: a client that only the system knows is left for the reader to find, who must be a thread that nobody waits for.
 */
export function createVitals(byDescriptor = false): Vitals {
  const shared = new SharedArrayBuffer(HEADER_BYTES + SLOTS * SLOT_BYTES);
  const words = new Int32Array(shared);
  const doubles = new Float64Array(shared);
  const bytes = new Uint8Array(shared);
  let count = 0;
  let sequence = 0;
  /** Whose the last slot is. */
  let overflow = -1;
  doubles[BEAT] = sharedNow();
  doubles[RAN] = sharedNow();

  const put = (text: string, at: number, most: number): void => {
    const length = Math.min(text.length, most);
    for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
  };

  return {
    shared,
    beat(now, inspected) {
      words[INSPECTED] = inspected ? 1 : 0;
      doubles[BEAT] = now;
      doubles[RAN] = now;
    },
    runs(now) {
      doubles[RAN] = now;
    },
    begin(place, request, now) {
      words[COUNT] = ++count;
      let slot = place;
      if (place >= PLACES) {
        slot = PLACES;
        // The one before loses it.
        if (overflow >= 0) Atomics.store(words, wordOf(PLACES) + SEQUENCE, 0);
        overflow = place;
      }
      const at = HEADER_BYTES + slot * SLOT_BYTES;
      const word = at >> 2;
      const { method, target } = request;
      const client = byDescriptor && FINDS_PEERS ? request.clientAtHand : request.client;
      const named = Math.min(method.length, LINE - 1);
      put(method, at + TEXT, named);
      bytes[at + TEXT + named] = 0x20;
      put(target, at + TEXT + named + 1, LINE - named - 1);
      words[word + LINE_LENGTH] = method.length + 1 + target.length;
      if (typeof client === "number" && client >= 0) {
        words[word + ADDRESS_LENGTH] = BY_DESCRIPTOR;
        words[word + PORT] = client;
      } else {
        const { address, port } = typeof client === "number" ? request.client : client;
        put(address, at + TEXT + LINE, ADDRESS);
        words[word + ADDRESS_LENGTH] = address.length;
        words[word + PORT] = port ?? 0;
      }
      words[word + TOLD] = 0;
      doubles[(at >> 3) + BEGAN] = now;
      sequence = (sequence % 0x7fff_fffe) + 1;
      Atomics.store(words, word + SEQUENCE, sequence);
    },
    end(place) {
      words[COUNT] = --count;
      if (place >= PLACES) {
        if (place !== overflow) return;
        overflow = -1;
      }
      Atomics.store(words, wordOf(Math.min(place, PLACES)) + SEQUENCE, 0);
    },
    tell(place) {
      if (place >= PLACES && place !== overflow) return true;
      return Atomics.exchange(words, wordOf(Math.min(place, PLACES)) + TOLD, 1) === 0;
    },
  };
}

const wordOf = (slot: number): number => (HEADER_BYTES + slot * SLOT_BYTES) >> 2;

/** A client as a log names it. Who is behind a proxy may have no port, or 0. */
export function clientOf(address: string, port: number | undefined): string {
  if (address === "") return "a unix socket";
  if (!port) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The reading end: for another thread. */
export interface VitalSigns {
  /** When the loop last beat, on sharedNow()'s clock. */
  readonly beatAt: number;
  /** When it last said that it runs. */
  readonly ranAt: number;
  readonly inspected: boolean;
  /** Requests in flight, those included that have no place. */
  readonly count: number;
  /** The requests in flight, the longest first; of very many, not all. */
  requests(): RequestInFlight[];
  /** Those that are in flight now, of which to tell later, looking for their clients for so many milliseconds at most (default 300). */
  glimpse(): (most?: number) => RequestInFlight[];
  /** Notes the requests that began before `began` as told in the log as slow; those that were not before. */
  tellSlow(began: number): RequestInFlight[];
}

/** What stands in a slot. */
interface Read extends Omit<RequestInFlight, "client"> {
  /** Its name, or the descriptor of its connection. */
  readonly client: string | number;
  /** No other request has had the same. */
  readonly sequence: number;
  /** Whether the slot is still that request's. */
  readonly isSame: () => boolean;
}

export function readVitals(shared: SharedArrayBuffer): VitalSigns {
  const words = new Int32Array(shared);
  const doubles = new Float64Array(shared);
  const bytes = Buffer.from(shared);

  /** Clients that were found, by their requests: who looks each second would find the same ones again. */
  const names = new Map<number, string>();

  const read = (slot: number): Read | undefined => {
    const at = HEADER_BYTES + slot * SLOT_BYTES;
    const word = at >> 2;
    const sequence = Atomics.load(words, word + SEQUENCE);
    if (sequence === 0) return undefined;
    const length = words[word + LINE_LENGTH] ?? 0;
    const kept = bytes.toString("latin1", at + TEXT, at + TEXT + Math.min(length, LINE));
    const addressAt = at + TEXT + LINE;
    const addressLength = words[word + ADDRESS_LENGTH] ?? 0;
    const port = words[word + PORT] ?? 0;
    const address = bytes.toString(
      "latin1",
      addressAt,
      addressAt + Math.min(Math.max(addressLength, 0), ADDRESS),
    );
    return {
      line: length > LINE ? `${kept}...` : kept,
      client: addressLength === BY_DESCRIPTOR ? port : clientOf(address, port),
      began: doubles[(at >> 3) + BEGAN] ?? 0,
      sequence,
      isSame: () => Atomics.load(words, word + SEQUENCE) === sequence,
    };
  };

  const all = (pass: (slot: number) => boolean): ((most?: number) => RequestInFlight[]) => {
    const reads: Read[] = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      const request = pass(slot) ? read(slot) : undefined;
      if (request?.isSame()) reads.push(request);
    }
    return (most) => {
      if (names.size > SLOTS) names.clear();
      const unnamed = reads.flatMap(({ client, sequence }) =>
        typeof client === "number" && !names.has(sequence) ? [client] : [],
      );
      const peers = findPeers(unnamed, most);
      const nameOf = ({ client, sequence, isSame }: Read): string => {
        if (typeof client === "string") return client;
        const known = names.get(sequence);
        if (known !== undefined) return known;
        // The descriptor of one that is over may be another connection's by now.
        const found = isSame() ? (peers.get(client) ?? "unknown") : "gone";
        if (typeof found === "string") return UNSEEN[found];
        const name = clientOf(found.address, found.port);
        names.set(sequence, name);
        return name;
      };
      return reads
        .map((request) => ({ line: request.line, client: nameOf(request), began: request.began }))
        .sort((a, b) => a.began - b.began);
    };
  };

  return {
    get beatAt() {
      return doubles[BEAT] ?? 0;
    },
    get ranAt() {
      return doubles[RAN] ?? 0;
    },
    get inspected() {
      return words[INSPECTED] === 1;
    },
    get count() {
      return words[COUNT] ?? 0;
    },
    requests: () => all(() => true)(),
    glimpse: () => all(() => true),
    tellSlow: (began) =>
      all((slot) => {
        const word = wordOf(slot);
        if (Atomics.load(words, word + SEQUENCE) === 0) return false;
        if ((doubles[(word >> 1) + BEGAN] ?? 0) > began) return false;
        return Atomics.exchange(words, word + TOLD, 1) === 0;
      })(),
  };
}
