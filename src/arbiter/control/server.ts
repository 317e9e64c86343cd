// HTTP with JSON on a Unix socket, so that curl will do. It is never in the way: bounded in bytes, time and clients.

import http from "node:http";
import { listenPrivately } from "../../os/private-socket.ts";
import type { Served } from "../service.ts";
import { type Answer, Refused, readFields } from "./answer.ts";
import type { ControlMode, Helm } from "./helm.ts";
import { match, routes } from "./routes.ts";

const MOST_CLIENTS = 256;
/** What a request may take to come, its head and all of it, in milliseconds. */
const HEAD_TIMEOUT = 5_000;
const REQUEST_TIMEOUT = 10_000;

/** Throws what listenPrivately does. */
export async function openControl(path: string, settings: ControlMode, helm: Helm): Promise<Served> {
  const server = http.createServer({
    maxHeaderSize: 8 * 1024,
    headersTimeout: HEAD_TIMEOUT,
    requestTimeout: REQUEST_TIMEOUT,
    connectionsCheckingInterval: 1_000,
  });
  server.maxConnections = MOST_CLIENTS;
  let closing = false;
  server.on("request", (request, response) => {
    const send = ({ status, body, text: plain, headers = {} }: Answer): void => {
      const text = plain ?? `${JSON.stringify(body, null, 2)}\n`;
      const length = Buffer.byteLength(text);
      // The rest of a body that was not read would be taken for a request.
      const connection = closing || !request.complete ? { connection: "close" } : {};
      const fixed = {
        "content-type": "application/json",
        "content-length": length,
        "cache-control": "no-store",
      };
      response.writeHead(status, { ...fixed, ...connection, ...headers });
      response.end(request.method === "HEAD" ? undefined : text);
    };
    response.on("error", () => undefined);
    answerTo(request, settings, helm).then(send, (error: unknown) => {
      if (error instanceof Refused) return send({ status: error.status, body: { error: error.message } });
      // The client has gone, most likely.
      if (request.destroyed && !request.complete) return response.destroy();
      helm.log.exception("Control request failed", error);
      send({ status: 500, body: { error: "it failed: the error log says why" } });
    });
  });
  server.on("clientError", (error, socket) => {
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(refusal(...badRequest("code" in error ? error.code : undefined)));
  });
  server.on("connect", (_request, socket) => {
    socket.on("error", () => undefined);
    socket.end(refusal("405 Method Not Allowed", "this is no proxy"));
  });
  const unlink = await listenPrivately(server, path, settings.mode);
  // Such as a descriptor too many: it goes on with the next client.
  server.on("error", (error) => helm.log.exception("Control socket", error));
  server.unref();
  let closed: Promise<void> | null = null;
  return {
    close() {
      // The path once: by now it may be another's, who has got the same number of a file.
      closed ??= new Promise((resolve) => {
        closing = true;
        unlink();
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}

function refusal(status: string, what: string): string {
  const body = `${JSON.stringify({ error: what })}\n`;
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

function badRequest(code: unknown): readonly [string, string] {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return ["431 Request Header Fields Too Large", "the headers are too long"];
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return ["408 Request Timeout", "the request did not come in time"];
    default:
      return ["400 Bad Request", "this is not HTTP: try curl --unix-socket PATH http://localhost/status"];
  }
}

async function answerTo(
  request: http.IncomingMessage,
  { readOnly }: ControlMode,
  helm: Helm,
): Promise<Answer> {
  const { method = "GET", url = "/" } = request;
  const path = url.split("?", 1)[0] ?? "/";
  if (path === "/" && (method === "GET" || method === "HEAD")) return { status: 200, body: { paths: known } };
  const found = match(method, path);
  if (found === null)
    return { status: 404, body: { error: `there is no ${path.slice(0, 80)}`, paths: known } };
  if ("allow" in found) {
    const allow = found.allow.join(", ");
    return { status: 405, body: { error: `${path} takes ${allow}` }, headers: { allow } };
  }
  const { route, id } = found;
  if (route.method === "POST" && readOnly) {
    return { status: 403, body: { error: "this control socket is for looking alone: see controlAccess" } };
  }
  const fields = await readFields(request, route.fields);
  return await route.run(helm, fields, id);
}

const known: readonly string[] = routes.map(
  ({ method, path, about, fields }) =>
    `${method} ${path}${fields.length === 0 ? "" : ` {${fields.map((name) => `"${name}"`).join(", ")}}`}: ${about}`,
);
