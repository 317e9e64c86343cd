// HTTP with JSON on a Unix socket, so that curl will do. It is never in the way: bounded in bytes, time and clients.

import http from "node:http";
import { listenPrivately } from "../../os/private-socket.ts";
import type { Served } from "../service.ts";
import { firstOnly } from "../web/first.ts";
import { type Answer, Refused, readFields, refusal as refused } from "./answer.ts";
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
    // There is one server behind a path, and who writes by hand forgets it.
    requireHostHeader: false,
  });
  server.maxConnections = MOST_CLIENTS;
  firstOnly(server);
  const take: http.RequestListener = (request, response) => {
    const send = ({ status, body, text: plain, headers = {} }: Answer): void => {
      const text = plain ?? `${JSON.stringify(body, null, 2)}\n`;
      const length = Buffer.byteLength(text);
      const fixed = {
        "content-type": "application/json",
        "content-length": length,
        "cache-control": "no-store",
        connection: "close",
      };
      response.writeHead(status, { ...fixed, ...headers });
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
  };
  server.on("request", take);
  server.on("checkExpectation", take);
  server.on("clientError", (error, socket) => {
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(refusal(...badRequest(error)));
  });
  server.on("connect", (_request, socket) => {
    socket.on("error", () => undefined);
    socket.end(refusal("405 Method Not Allowed", "this is no proxy"));
  });
  const unlink = await listenPrivately(server, path, settings.mode, "--control-socket");
  // Such as a descriptor too many: it goes on with the next client.
  server.on("error", (error) => helm.log.exception("Control socket", error));
  server.unref();
  let closed: Promise<void> | null = null;
  return {
    close() {
      // The path once: by now it may be another's, who has got the same number of a file.
      closed ??= new Promise((resolve) => {
        unlink();
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      return closed;
    },
  };
}

const NO_HTTP = "this is not HTTP: try curl --unix-socket PATH http://localhost/status";

function refusal(status: string, what: string): string {
  const body = `${JSON.stringify({ error: what })}\n`;
  return `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** What Node's parser has stumbled over is HTTP but for its method. */
const REQUEST_LINE = /^[\w!#$%&'*+.^`|~-]+ \S+ HTTP\/\d/;

function badRequest(error: Error): readonly [string, string] {
  switch ("code" in error ? error.code : undefined) {
    case "HPE_HEADER_OVERFLOW":
      return ["431 Request Header Fields Too Large", "the headers are too long"];
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return ["408 Request Timeout", "the request did not come in time"];
    case "HPE_INVALID_METHOD":
      if ("rawPacket" in error && REQUEST_LINE.test(String(error.rawPacket)))
        return ["501 Not Implemented", "there is no such method: GET / tells what there is"];
      return ["400 Bad Request", NO_HTTP];
    default:
      return ["400 Bad Request", NO_HTTP];
  }
}

async function answerTo(
  request: http.IncomingMessage,
  { readOnly }: ControlMode,
  helm: Helm,
): Promise<Answer> {
  const { method = "GET", url = "/", headers } = request;
  if (headers.expect !== undefined && !/^100-continue$/i.test(headers.expect))
    return refused(417, "of Expect only 100-continue is known: leave it out");
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
