// The listening sockets of each generation. A socket that the next generation wants too is kept, never reopened.

import { formatPlace } from "../config/address.ts";
import type { Address, ProtocolName } from "../config/config.ts";
import type { Resolved } from "../config/resolve.ts";
import { serverError } from "../errors.ts";
import {
  type BoundSocket,
  bindSocket,
  identityOf,
  isAddressInUse,
  overlap,
  placeOf,
  type SocketOwner,
} from "../os/sockets.ts";
import { type InheritedSockets, passedSockets, wantedAddresses } from "./inheritance.ts";

export interface BindLog {
  error(message: string): void;
}

export interface BindOptions {
  readonly inherited: InheritedSockets;
  readonly owner: SocketOwner | null;
  /** How often to try an address in use, and how long to wait in between in milliseconds: Gunicorn's 5 and 1 s at the start. */
  readonly tries: number;
  readonly wait: (milliseconds: number) => Promise<void>;
  readonly log: BindLog;
  /** Told of each that is opened anew. */
  readonly onBound?: (socket: BoundSocket) => void;
}

export const RETRY_AFTER = 1_000;

export const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The sockets of one generation. */
export interface Opened {
  readonly sockets: readonly BoundSocket[];
  /** What this generation speaks on each: the next may speak something else on the same. */
  readonly protocols: ReadonlyMap<BoundSocket, ProtocolName>;
}

/** Opens what `resolved` asks for, sharing what `held` has open already. Opens all or, with an error, none. */
export async function openSockets(
  resolved: Resolved,
  held: readonly BoundSocket[],
  options: BindOptions,
): Promise<Opened> {
  const opened: BoundSocket[] = [];
  const sockets: BoundSocket[] = [];
  const protocols = new Map<BoundSocket, ProtocolName>();
  try {
    for (const address of wantedAddresses(resolved, options.inherited)) {
      const take = (socket: BoundSocket): void => {
        if (protocols.has(socket)) return;
        sockets.push(socket);
        protocols.set(socket, address.protocol ?? usualProtocol(resolved));
      };
      const passed = passedSockets(address, options.inherited);
      // Port 0 may be asked for twice, and then means two sockets. A path may be gone, or lead to another release by now.
      const free = held.filter((one) => !sockets.includes(one) && one.isReachable());
      const kept =
        free.find((one) => one.requested === identityOf(address)) ?? (await findBound(address, free));
      if (passed !== null) passed.forEach(take);
      else if (kept !== undefined) take(kept);
      else {
        const socket = await bindPatiently(
          address,
          resolved,
          { open: [...held, ...opened], taken: sockets },
          options,
        );
        opened.push(socket);
        options.onBound?.(socket);
        take(socket);
      }
    }
    return { sockets, protocols };
  } catch (error) {
    for (const socket of opened) socket.close();
    throw error;
  }
}

/** What is spoken on an address that does not say so itself. */
function usualProtocol({ config: { protocol, certfile } }: Resolved): ProtocolName {
  return protocol === "http" && certfile.length > 0 ? "https" : protocol;
}

/** The socket that `address` means under another name: `localhost:8000` for `127.0.0.1:8000`. */
async function findBound(address: Address, held: readonly BoundSocket[]): Promise<BoundSocket | undefined> {
  if (address.kind !== "tcp" || !held.some(({ place }) => place?.port === address.port)) return undefined;
  const place = await placeOf(address);
  if (place === null) return undefined;
  return held.find((one) => one.place?.host === place.host && one.place.port === place.port);
}

async function bindPatiently(
  address: Address,
  resolved: Resolved,
  ours: { readonly open: readonly BoundSocket[]; readonly taken: readonly BoundSocket[] },
  options: BindOptions,
): Promise<BoundSocket> {
  const { config } = resolved;
  const name = formatPlace(address);
  for (let attempt = 1; ; attempt++) {
    try {
      return await bindSocket(address, {
        backlog: config.backlog,
        umask: config.umask,
        owner: options.owner,
        mode: config.socketMode,
      });
    } catch (error) {
      if (!isAddressInUse(error)) throw error;
      const place = await placeOf(address);
      const other = ours.open.find(
        (one) => place !== null && one.place !== null && overlap(one.place, place),
      );
      // That does not pass by itself.
      if (other !== undefined) {
        const held = formatPlace(other.address);
        const wanted = wantedAddresses(resolved, options.inherited);
        const both = ours.taken.includes(other) || wanted.some((one) => identityOf(one) === other.requested);
        throw serverError("BIND_OVERLAPS", { address: name, held, both }, error);
      }
      options.log.error(`Connection in use: ${name}`);
      if (attempt >= options.tries) throw serverError("BIND_IN_USE", { address: name }, error);
      options.log.error("Retrying in 1 second.");
      await options.wait(RETRY_AFTER);
    }
  }
}

/** Hands the sockets of `sockets` that `kept` does not use to `close`. */
export function closeExcept(
  sockets: readonly BoundSocket[],
  kept: readonly BoundSocket[],
  close: (socket: BoundSocket) => void,
): void {
  for (const socket of sockets) {
    if (!kept.includes(socket)) close(socket);
  }
}
