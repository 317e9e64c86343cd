// Answers on a response that an application has had. What it has put around that (sessions, compression, on-headers) would
// make its own of the answer, or wait for something: nothing is called but Node's own functions.

import { ServerResponse } from "node:http";
import { standIn } from "../stand-in.ts";

interface Plain {
  setHeader(name: string, value: string): unknown;
  writeHead(status: number, reason: string): unknown;
  end(body: string): unknown;
}

const { getHeaderNames, removeHeader } = ServerResponse.prototype;
const { setHeader, writeHead, end }: Plain = ServerResponse.prototype;

/** To be called where no head is made yet. */
export function answerInstead(res: ServerResponse, status: number): void {
  const { reason, headers, body } = standIn(status);
  for (const name of getHeaderNames.call(res)) removeHeader.call(res, name);
  // The application's own Date took node's away.
  res.sendDate = true;
  for (let i = 0; i + 1 < headers.length; i += 2) setHeader.call(res, headers[i] ?? "", headers[i + 1] ?? "");
  // Given a list here, node would set its fields by the response's own functions.
  writeHead.call(res, status, reason);
  end.call(res, body);
}
