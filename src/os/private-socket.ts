// A Unix socket that this process itself serves, for few to reach.

import type { Server } from "node:net";
import { resolve as absolute } from "node:path";
import { bindPath, makeRoom, ownPath, umaskFor } from "./unix-path.ts";

/**
 * Has `server` listen on `path`, which has its mode from the first; a path that nobody serves any more is
 * taken over. Resolves with what removes the path where it is still ours: libuv, which removes whatever is there by then, is told
 * of a descriptor alone. `flag` names the path on the command line.
 * @throws BIND_IN_USE, BIND_NOT_A_SOCKET or BIND_FAILED, or the system's error.
 */
export async function listenPrivately(
  server: Server,
  path: string,
  mode: number,
  flag: string,
): Promise<() => void> {
  await makeRoom(path, `unix:${path}`, flag);
  const fd = bindPath(path, umaskFor(mode));
  // The arbiter may be in another directory by then.
  const own = ownPath(absolute(path));
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ fd }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return own.unlink;
  } catch (error) {
    own.unlink();
    throw error;
  }
}
