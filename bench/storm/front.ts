// nginx between the load and the server, with the files of deploy/, over a Unix socket.

import { deployed, startNginx } from "../../test/peers/fronts.ts";
import { freePort } from "../../test/peers/port.ts";
import type { Undo } from "../../test/process/server.ts";
import type { Target } from "../load/client.ts";

interface Kind {
  /** Of deploy/nginx/. */
  readonly file: string;
  /** Where that file looks for the server. */
  readonly place: string;
  /** Before the socket's name in `bind`. */
  readonly scheme: string;
}

/** By the name that a combination has for it; `direct` is none of them. */
const KINDS: Readonly<Record<string, Kind>> = {
  "nginx-unix": { file: "unix.conf", place: "unix:/run/app/app.sock", scheme: "" },
  "nginx-uwsgi": { file: "uwsgi.conf", place: "127.0.0.1:3031", scheme: "uwsgi://" },
  "nginx-fastcgi": { file: "fastcgi.conf", place: "127.0.0.1:9000", scheme: "fastcgi://" },
  "nginx-scgi": { file: "scgi.conf", place: "127.0.0.1:4000", scheme: "scgi://" },
};

export const FRONTS: readonly string[] = Object.keys(KINDS);

/** As those files say that the server is to be started, in seconds. */
export const FRONT_KEEPALIVE = 75;

function kindOf(name: string): Kind {
  const kind = KINDS[name];
  if (kind === undefined) throw new Error(`no front ${name}: direct, ${FRONTS.join(", ")}`);
  return kind;
}

export const bindFor = (name: string, socket: string): string => `${kindOf(name).scheme}unix:${socket}`;

/** Starts nginx before the server on the Unix socket `path`; the load's target is what it listens on. */
export async function openFront(t: Undo, name: string, path: string): Promise<Target> {
  const { file, place } = kindOf(name);
  const port = await freePort();
  const changes = { [place]: `unix:${path}`, "listen 80;": `listen 127.0.0.1:${port};` };
  await startNginx(t, deployed(`nginx/${file}`, changes), [port]);
  return { host: "127.0.0.1", port };
}
