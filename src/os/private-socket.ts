// A Unix socket that this process itself serves, for few to reach.

import { chmodSync } from "node:fs";
import type { Server } from "node:net";
import { resolve as absolute } from "node:path";
import { bindHandle } from "./handles.ts";
import { makeRoom, unlinkerOf } from "./unix-path.ts";

/** Nobody but the owner, until the mode is set. */
const OWNER_ONLY = 0o177;

/**
 * Has `server` listen on `path`, which nobody can open before it has its mode; a path that nobody serves any more is
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
  const before = process.umask(OWNER_ONLY);
  let fd: number;
  try {
    fd = bindHandle({ path }).fd;
  } finally {
    process.umask(before);
  }
  // The arbiter may be in another directory by then.
  const unlinkOurs = unlinkerOf(absolute(path));
  try {
    // Before it listens nobody can connect.
    chmodSync(path, mode);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ fd }, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return unlinkOurs;
  } catch (error) {
    unlinkOurs();
    throw error;
  }
}
