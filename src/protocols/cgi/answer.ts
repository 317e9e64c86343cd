// The head of an answer, as HTTP/1 and as CGI write it.

import { STATUS_CODES } from "node:http";

/** HTTP's status line (RFC 9112 section 4), which uwsgi answers with. */
export const httpHead = (status: number, reason: string | undefined, headers: readonly string[]): string =>
  `HTTP/1.1 ${status} ${reason ?? STATUS_CODES[status] ?? ""}\r\n${fields(headers)}\r\n`;

/** CGI's Status field: RFC 3875 section 6.3.3. */
export const cgiHead = (status: number, reason: string | undefined, headers: readonly string[]): string =>
  `Status: ${status} ${reason ?? STATUS_CODES[status] ?? "Unknown"}\r\n${fields(headers)}\r\n`;

export type MakeHead = typeof httpHead;

const BREAK = /[\r\n\0]/;

function fields(headers: readonly string[]): string {
  let text = "";
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] ?? "";
    const value = headers[i + 1] ?? "";
    // Interfaces check what applications give; one that does not must not let a client's text become a field.
    if (BREAK.test(value) || BREAK.test(name))
      throw new Error(`a line break in the header ${JSON.stringify(name)}`);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** What a front gets instead of an application's answer. */
export function refusalAnswer(makeHead: MakeHead, status: number): string {
  const body = `${status} ${STATUS_CODES[status] ?? "Error"}\n`;
  const headers = ["Content-Type", "text/plain; charset=utf-8", "Content-Length", String(body.length)];
  return makeHead(status, undefined, headers) + body;
}
