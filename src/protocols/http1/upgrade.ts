// Requests that ask for another protocol. Node hands them over with the bare connection as soon as anybody listens for
// any: those whose protocol nobody wants are read again as plain requests.

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { connectionOf } from "./connection.ts";
import { isBehindLast, mindAnswers } from "./deaf.ts";

export interface UpgradeOptions {
  readonly wanted: (protocol: string) => boolean;
  /** What responses are made from. */
  readonly Response: typeof ServerResponse<IncomingMessage>;
  /** `res` is ready to answer with, and the connection is closed after it. */
  readonly onHandshake: (req: IncomingMessage, res: ServerResponse, protocol: string, rest: Buffer) => void;
}

/** The first protocol that the client asks for, in lower case. */
export const protocolOf = (req: IncomingMessage): string =>
  (req.headers.upgrade ?? "").split(",", 1)[0]?.trim().toLowerCase() ?? "";

/** HTTP/1.0 has no upgrades: RFC 9110 section 7.8 wants the field ignored. */
const isWanted = (req: IncomingMessage, wanted: (protocol: string) => boolean): boolean =>
  req.httpVersionMinor > 0 && wanted(protocolOf(req));

/**
 * From Node 26 on a request's body is taken off before the connection is handed over, so that the request can't be read
 * again; there, node can be told beforehand which upgrades are wanted.
 */
export const HANDS_OVER_STREAM = Number.parseInt(process.versions.node, 10) >= 26;

/** For node's `shouldUpgradeCallback`. */
export function mayUpgrade(req: IncomingMessage, wanted: (protocol: string) => boolean): boolean {
  if (isWanted(req, wanted)) return true;
  // Node does not read what comes in one piece with the end of such a body. Who sends that is to know that it gets no answer.
  const connection = req.socket[connectionOf];
  const hasBody =
    req.headers["content-length"] !== undefined || req.headers["transfer-encoding"] !== undefined;
  if (connection !== undefined && hasBody) connection.lastAnswer = true;
  return false;
}

/** Made here: a connection keeps it, and what is made below keeps the request. */
const ignore = (): void => undefined;

export function listenForUpgrades(server: Server, { wanted, Response, onHandshake }: UpgradeOptions): void {
  server.on("upgrade", (req: IncomingMessage, _: unknown, rest: Buffer) => {
    const { socket } = req;
    const connection = socket[connectionOf];
    // Node has taken its own listener away.
    socket.on("error", ignore);
    if (connection === undefined) return void socket.destroy();
    const { latest } = connection;
    const leave = latest === undefined ? ignore : mindAnswers(socket);
    // It gets no answer, but what came before does.
    if (connection.deaf || isBehindLast(connection)) return;
    const goOn = (): void => {
      leave();
      // The answer before it was the last after all.
      if (!socket.writable) return;
      socket.setTimeout(0);
      if (!isWanted(req, wanted)) return readAgain(server, socket, plainRequest(req, rest));
      const res = new Response(req);
      res.shouldKeepAlive = false;
      res.assignSocket(socket);
      res.once("finish", () => {
        res.detachSocket(socket);
        socket.destroySoon();
      });
      onHandshake(req, res, protocolOf(req), rest);
    };
    // Answers go out in the order of their requests.
    if (latest === undefined) goOn();
    else latest.res.once("close", goOn);
  });
}

function readAgain(server: Server, socket: Socket, bytes: Buffer): void {
  // Node listens again.
  socket.off("error", ignore);
  socket.unshift(bytes);
  server.emit("connection", socket);
}

/** Fields that are about the other protocol alone: RFC 9110 section 7.8, RFC 7540 section 3.2. */
const ASKING = new Set(["upgrade", "http2-settings"]);

/** The request as it would have been sent without asking for an upgrade, and what has come in behind its head. */
function plainRequest(req: IncomingMessage, rest: Buffer): Buffer {
  const lines = [`${req.method} ${req.url} HTTP/${req.httpVersion}`];
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i] ?? "";
    const lower = name.toLowerCase();
    if (ASKING.has(lower)) continue;
    const value = req.rawHeaders[i + 1] ?? "";
    const kept = lower === "connection" ? otherOptions(value) : value;
    if (lower !== "connection" || kept !== "") lines.push(`${name}: ${kept}`);
  }
  return Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), rest]);
}

function otherOptions(connection: string): string {
  return connection
    .split(",")
    .map((option) => option.trim())
    .filter((option) => !ASKING.has(option.toLowerCase()))
    .join(", ");
}
