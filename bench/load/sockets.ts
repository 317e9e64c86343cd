// The same over WebSockets: what became of every message. A socket sends some, waits for their echoes, and connects again
// where the server closes it with 1012 (service restart); what has not come back by then it sends again.
//
// A message that stands unanswered when the close frame comes is not lost: its client knows that it has to send it again.
// Lost is one whose socket ends in any other way, or that finds nobody to connect to. That answers which the server gave
// have arrived is for the caller to compare, by `echoes`.

import { WebSocket } from "ws";
import type { Load } from "./client.ts";
import { createCounter, createPace } from "./pace.ts";
import { balance, countLoss, createTally, type Outcome, phaseOf } from "./tally.ts";

export interface SocketsOptions {
  readonly port: number;
  readonly sockets: number;
  /** Messages that a socket sends at once. */
  readonly pipeline: number;
  /** Messages per second over all sockets. */
  readonly rate: number;
}

export interface Sockets extends Pick<Load, "tally" | "outcomes" | "stop"> {
  /** How many echoes have come on each connection; its number stands in its query, `/?4`. */
  readonly echoes: ReadonlyMap<number, number>;
  /** Connections that were closed with 1012. */
  readonly restarts: number;
}

const SERVICE_RESTART = 1012;

export function startSockets({ port, sockets, pipeline, rate }: SocketsOptions): Sockets {
  const tally = createTally();
  const pace = createPace();
  const ended = createCounter();
  const echoes = new Map<number, number>();
  let restarts = 0;

  const settle = (outcome: Outcome, text: string, detail: string): void => {
    tally.outcomes[outcome]++;
    if (outcome !== "answered" && outcome !== "returned")
      countLoss(tally, { outcome, at: performance.now(), detail: `${text}: ${detail}`, pid: undefined });
    ended.add();
  };

  interface Client {
    readonly socket: WebSocket;
    /** Sent and not come back, the oldest first. */
    readonly pending: string[];
    opened: boolean;
    /** Called with what has not come back, when nothing more will. */
    settled: (left: readonly string[]) => void;
  }

  const connect = (): Promise<Client> =>
    new Promise((resolve) => {
      const number = echoes.size;
      echoes.set(number, 0);
      const socket = new WebSocket(`ws://127.0.0.1:${port}/?${number}`);
      const client: Client = { socket, pending: [], opened: false, settled: () => undefined };
      let failure = "";
      socket.on("open", () => {
        client.opened = true;
        resolve(client);
      });
      socket.on("message", (data) => {
        const [pid = "", text = ""] = String(data).split(" ");
        const expected = client.pending.shift();
        echoes.set(number, (echoes.get(number) ?? 0) + 1);
        tally.pids.set(pid, (tally.pids.get(pid) ?? 0) + 1);
        settle(expected === text ? "answered" : "wrong", text, `not ${expected}`);
        if (client.pending.length === 0) client.settled([]);
      });
      socket.on("error", (error) => {
        failure = error.message;
      });
      socket.on("close", (code) => {
        const left = client.pending.splice(0);
        const restart = code === SERVICE_RESTART;
        if (restart) restarts++;
        for (const text of left) settle(restart ? "returned" : "reset", text, `${code} ${failure}`);
        if (!restart && left.length === 0 && client.opened && !pace.stopping) {
          // Nothing was under way, but the client was not told why it has to go.
          tally.sent++;
          settle("reset", "idle", `${code} ${failure}`);
        }
        client.settled(restart ? left : []);
        resolve(client);
      });
    });

  /** Resolves with what is to be sent again. */
  const send = (client: Client, texts: readonly string[]): Promise<readonly string[]> =>
    new Promise((resolve) => {
      client.settled = resolve;
      tally.sent += texts.length;
      client.pending.push(...texts);
      for (const text of texts) client.socket.send(text);
    });

  const run = async (index: number): Promise<void> => {
    const step = (1_000 * sockets * pipeline) / rate;
    let due = performance.now() + (step * index) / sockets;
    let client: Client | undefined;
    let count = 0;
    for (;;) {
      await pace.until(due);
      if (pace.stopping) break;
      let unsent: readonly string[] = Array.from({ length: pipeline }, () => `${index}-${count++}`);
      while (unsent.length > 0) {
        if (client?.socket.readyState !== WebSocket.OPEN) client = await connect();
        if (!client.opened) {
          tally.sent += unsent.length;
          for (const text of unsent) settle("refused", text, "no connection");
          break;
        }
        // Else it was closed again at once, and nothing sent.
        if (client.socket.readyState === WebSocket.OPEN) unsent = await send(client, unsent);
      }
      phaseOf(tally, "all").add(performance.now() - due);
      due += step;
    }
    client?.socket.close();
  };

  const running = Promise.all(Array.from({ length: sockets }, (_, index) => run(index)));
  return {
    tally,
    echoes,
    get restarts() {
      return restarts;
    },
    outcomes: (count) => ended.more(count),
    async stop() {
      pace.stop();
      await running;
      balance(tally);
      return tally;
    },
  };
}
