// Asks the control socket.

import { readFileSync, statSync } from "node:fs";
import http from "node:http";

/** What the user has to mend, or what the server says is wrong: shown as its message alone. */
export class Failure extends Error {
  readonly exitStatus: number;
  /** What the server has answered, where it has. */
  readonly body: unknown;

  constructor(message: string, exitStatus = 1, body?: unknown) {
    super(message);
    this.exitStatus = exitStatus;
    this.body = body;
  }
}

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

export type Ask = (method: "GET" | "POST", path: string, body?: object) => Promise<Reply>;

/** How long a reply may take that waits for nothing, in milliseconds. */
const PATIENCE = 10_000;

/** `pidfile` is told of where nobody answers. A reply may take as long as it likes where `body` says that it waits. */
export function createAsk(socketPath: string, pidfile: string | null, patience = PATIENCE): Ask {
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(text) };
      const request = http.request({ socketPath, method, path, headers, agent: false }, (response) => {
        let answer = "";
        response.setEncoding("utf8");
        response.on("data", (piece: string) => {
          answer += piece;
        });
        response.on("error", () => reject(new Failure("The server ended before it had answered")));
        response.on("end", () => {
          const plain = response.headers["content-type"]?.startsWith("text/plain");
          try {
            resolve({ status: response.statusCode ?? 0, body: plain ? answer : JSON.parse(answer) });
          } catch {
            reject(new Failure(`${socketPath} does not answer as a control socket does`));
          }
        });
      });
      let sent = false;
      request.on("finish", () => {
        sent = true;
      });
      request.on("error", (error) => reject(new Failure(whyNot(error, socketPath, pidfile, sent))));
      const waits = body !== undefined && "wait" in body && body.wait === true;
      if (!waits) {
        const silent = `${socketPath}: no answer for ${patience / 1_000} s. Is the arbiter stopped (SIGSTOP), or the machine very busy?`;
        request.setTimeout(patience, () => {
          reject(new Failure(silent));
          request.destroy();
        });
      }
      request.end(text);
    });
}

function whyNot(error: Error, socketPath: string, pidfile: string | null, sent: boolean): string {
  const code = "code" in error ? error.code : undefined;
  if (code === "ENOENT") {
    const owner = pidfile === null ? "" : ` ${ownerOf(pidfile)}`;
    return `There is no control socket at ${socketPath}. Is the server running?${owner} Where it has another --control-socket, name that with -s`;
  }
  const refused = code === "ECONNREFUSED";
  if (code === "ENOTSOCK" || code === "EPROTOTYPE" || (refused && !isSocket(socketPath)))
    return `${socketPath} is no control socket`;
  if (refused) return `Nobody listens at ${socketPath}: the server has ended without removing it`;
  if (code === "EACCES" || code === "EPERM")
    return `${socketPath}: permission denied; only the user who started the server may use it, unless --control-socket-mode says otherwise`;
  // A crowd at the socket is turned away without a word.
  if (sent || code === "ECONNRESET" || code === "EPIPE")
    return "The server ended before it had answered, or has too many clients on its control socket";
  return `${socketPath}: ${error.message}`;
}

function isSocket(path: string): boolean {
  try {
    return statSync(path).isSocket();
  } catch {
    return false;
  }
}

function ownerOf(pidfile: string): string {
  try {
    const [pid] = /^[1-9]\d{0,8}$/.exec(readFileSync(pidfile, "latin1").trim()) ?? [];
    if (pid === undefined) return `${pidfile} is no pid file.`;
    process.kill(Number(pid), 0);
    return `${pidfile} names the process ${pid}, which runs.`;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT") return `There is no ${pidfile} either.`;
    if (code === "ESRCH") return `${pidfile} names a process that has ended.`;
    return code === "EPERM" ? `${pidfile} names another user's process.` : `${pidfile} can't be read.`;
  }
}
