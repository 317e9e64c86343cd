// What tests ask of a server that speaks TLS.

import { readFileSync } from "node:fs";
import https from "node:https";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { FIXTURES } from "./server.ts";

export const tlsPath = (name: string): string => join(FIXTURES, "tls", name);
export const pem = (name: string): string => readFileSync(tlsPath(name), "utf8");

/** As command line arguments. */
export const certified = (name: string): string[] => [
  "--certfile",
  tlsPath(`${name}.pem`),
  "--keyfile",
  tlsPath(`${name}.key.pem`),
];

export interface SecureAnswer {
  readonly status: number;
  readonly body: string;
  /** The common name of the server's certificate. */
  readonly certificate: string;
  readonly session: Buffer | undefined;
  readonly resumed: boolean;
}

export interface SecureQuestion extends https.RequestOptions {
  readonly port: number;
  readonly ALPNProtocols?: string[];
  readonly session?: Buffer | undefined;
}

/** Asks once; rejects where the handshake fails. */
export function ask(question: SecureQuestion): Promise<SecureAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", ca: pem("ca.pem"), servername: "a.test", agent: false, ...question };
    const request = https.get(options, (response) => {
      const socket = response.socket;
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("error", reject);
      response.on("end", () => {
        if (!isSecure(socket)) return reject(new Error("no TLS"));
        resolve({
          status: response.statusCode ?? 0,
          body,
          certificate: commonNameOf(socket),
          session: socket.getSession(),
          resumed: socket.isSessionReused(),
        });
      });
    });
    request.on("error", reject);
  });
}

const isSecure = (socket: object): socket is TLSSocket => "getPeerCertificate" in socket;

/** On a resumed session there is no certificate to be seen. */
function commonNameOf(socket: TLSSocket): string {
  const { subject } = socket.getPeerCertificate();
  return subject === undefined ? "" : [subject.CN].flat().join();
}
