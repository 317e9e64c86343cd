// The control socket from outside: by HTTP, and by the command.

import { execFile } from "node:child_process";
import http from "node:http";
import { fileURLToPath } from "node:url";

const CTL = fileURLToPath(new URL("../../../dist/ctl.js", import.meta.url));

export interface Told {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly list: readonly Readonly<Record<string, unknown>>[];
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Asks once; `body` is sent as it is where it is a string. */
export function ask(
  socketPath: string,
  method: string,
  path: string,
  body: string | object = "",
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (piece: string) => {
        text += piece;
      });
      response.on("error", reject);
      response.on("end", () => {
        const value: unknown = JSON.parse(text);
        const list = Array.isArray(value) ? value.filter(isRecord) : [];
        resolve({ status: response.statusCode ?? 0, body: isRecord(value) ? value : {}, list });
      });
    });
    request.on("error", reject);
    request.end(typeof body === "string" ? body : JSON.stringify(body));
  });
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `tgunicornctl`. */
export function ctl(...args: readonly string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [CTL, ...args], (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}
