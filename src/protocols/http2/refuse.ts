// Answers what never reaches the application. Other requests on the connection are not concerned.

import { STATUS_CODES } from "node:http";
import { constants, type ServerHttp2Stream } from "node:http2";
import type { Refusal } from "../http1/rules.ts";

export function refuseStream(stream: ServerHttp2Stream, { status, hint }: Refusal): void {
  const body = `${status} ${hint ?? STATUS_CODES[status] ?? "Error"}\n`;
  // The request's body is not wanted, but some clients take no answer before they have sent some of it.
  stream.resume();
  stream.on("finish", () => setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), 100).unref());
  stream.respond({
    ":status": status,
    "content-type": "text/plain; charset=utf-8",
    "content-length": Buffer.byteLength(body),
    ...(status === 405 ? { allow: "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS" } : {}),
  });
  stream.end(body);
}
