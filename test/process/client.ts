// What the process tests ask of a server.

import http from "node:http";
import type { Server } from "./server.ts";

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly connection: string | undefined;
}

/** Asks once; rejects where the connection is refused or cut. A URL's host may be `unix:` followed by a path. */
export function get(
  url: string | { socketPath: string; path?: string },
  agent?: http.Agent,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { agent: agent ?? false };
    const answered = (response: http.IncomingMessage): void => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.on("error", reject);
      response.on("end", () => {
        const { connection } = response.headers;
        if (response.complete) resolve({ status: response.statusCode ?? 0, body, connection });
        else reject(new Error("the answer is incomplete"));
      });
    };
    const request =
      typeof url === "string" ? http.get(url, options, answered) : http.get({ ...url, ...options }, answered);
    request.on("error", reject);
  });
}

/** Waits until `workers` workers have become ready since the start; needs `--log-level debug`. */
export async function ready(server: Server, workers: number): Promise<void> {
  await server.saw(/Ready worker=/, workers);
}
