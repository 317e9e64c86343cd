// A client that knows what became of every request it sent: bare sockets, no retries, no surprises.

import net from "node:net";
import { performance } from "node:perf_hooks";
import { createCounter, createPace } from "./pace.ts";
import { createResponseReader, type Response } from "./responses.ts";
import { balance, countLoss, createTally, type Outcome, phaseOf, type Tally } from "./tally.ts";

export type Target = { readonly host: string; readonly port: number } | { readonly path: string };

export interface Request {
  readonly method: string;
  readonly path: string;
  /** Bytes of the body that is sent. */
  readonly body: number;
  /** Bytes of the answer that is expected; null where any will do. */
  readonly answer: number | null;
}

export const GET: Request = { method: "GET", path: "/", body: 0, answer: null };

export interface LoadOptions {
  readonly target: Target;
  readonly connections: number;
  /** False: each request has a connection of its own and says `Connection: close`. */
  readonly keepAlive: boolean;
  /** Requests that are sent at once on a connection. Default: 1. */
  readonly pipeline?: number;
  /** Requests per second over all connections; 0 (the default) sends the next as soon as the last is answered. */
  readonly rate?: number;
  /** Sent in turn. Default: GET /. */
  readonly requests?: readonly Request[];
  /** How long an answer may take, in milliseconds. Default: 30 s. */
  readonly patience?: number;
  /** How long the server keeps an idle connection, in milliseconds. Default: 2 s. */
  readonly keepalive?: number;
  /** Told of each outcome. */
  readonly onOutcome?: (outcome: Outcome, pid: string | undefined) => void;
}

export interface Load {
  readonly tally: Tally;
  /** Latencies count for this phase from now on. */
  phase(name: string): void;
  /** Resolves when so many requests more have an outcome. */
  outcomes(count: number): Promise<void>;
  /** Sends no more, waits for what is outstanding, and checks that the books balance. */
  stop(): Promise<Tally>;
}

/** A timer may be that much off, in milliseconds. */
const SLACK = 100;

interface Pending {
  readonly request: Request;
  /** When it was to be sent. */
  readonly due: number;
  readonly phase: string;
}

interface Connection {
  readonly socket: net.Socket;
  readonly pending: Pending[];
  /** Answers so far. */
  served: number;
  /** When it last fell idle, and for how long it was before the present requests. */
  idleSince: number;
  idled: number;
  /** The server has said that it will close it. */
  announced: boolean;
  pid: string | undefined;
  usable: boolean;
  connected: boolean;
  /** Called when nothing is pending any more. */
  settled: () => void;
}

export function startLoad(options: LoadOptions): Load {
  const { target, keepAlive, onOutcome } = options;
  const { pipeline = 1, rate = 0, requests = [GET], patience = 30_000, keepalive = 2_000 } = options;
  const tally = createTally();
  let phase = "all";
  const pace = createPace();
  const ended = createCounter();
  let turn = 0;

  const settle = (outcome: Outcome, pid: string | undefined, detail: string): void => {
    tally.outcomes[outcome]++;
    if (outcome !== "answered" && outcome !== "returned" && outcome !== "raced") {
      countLoss(tally, { outcome, at: performance.now(), detail, pid });
    }
    onOutcome?.(outcome, pid);
    ended.add();
  };

  const answered = (connection: Connection, response: Response): void => {
    const one = connection.pending.shift();
    const pid = response.headers.get("x-pid");
    connection.pid = pid ?? connection.pid;
    connection.served++;
    connection.announced ||= response.last;
    if (one === undefined) {
      connection.socket.destroy();
      countLoss(tally, { outcome: "wrong", at: performance.now(), detail: "an answer too many", pid });
      return;
    }
    const { request } = one;
    const whole = request.answer === null || response.status !== 200 || response.length === request.answer;
    const digit = Math.floor(response.status / 100);
    tally.statuses.set(digit, (tally.statuses.get(digit) ?? 0) + 1);
    if (digit === 5) {
      countLoss(tally, { outcome: "5xx", at: performance.now(), detail: `${response.status}`, pid });
    }
    if (pid !== undefined) tally.pids.set(pid, (tally.pids.get(pid) ?? 0) + 1);
    const took = performance.now() - one.due;
    phaseOf(tally, one.phase).add(took);
    // One that begins in one phase and ends in the next was met by both.
    if (one.phase !== phase) phaseOf(tally, phase).add(took);
    settle(whole ? "answered" : "wrong", pid, `${response.length} bytes, not ${request.answer}`);
    if (connection.announced) for (const _behind of connection.pending.splice(0)) settle("returned", pid, "");
    if (connection.pending.length > 0) return;
    connection.idleSince = performance.now();
    if (!keepAlive || connection.announced) {
      connection.usable = false;
      connection.socket.end();
    }
    connection.settled();
  };

  const outcomeOf = (connection: Connection, begun: boolean, code: string | undefined): Outcome => {
    if (begun) return "cut";
    if (!connection.connected) return "refused";
    // It had its time, as agreed: the request and the close met on the way.
    if (connection.served > 0 && connection.idled >= keepalive - SLACK) return "raced";
    return code === undefined ? "unanswered" : "reset";
  };

  const open = (): Connection => {
    const socket = net.connect({ ...target, noDelay: true });
    const connection: Connection = {
      socket,
      pending: [],
      served: 0,
      idleSince: 0,
      idled: 0,
      announced: false,
      pid: undefined,
      usable: true,
      connected: false,
      settled: () => undefined,
    };
    let code: string | undefined;
    let malformed: string | undefined;
    const reader = createResponseReader((response) => answered(connection, response));
    socket.setTimeout(patience, () => {
      // An idle connection may stay as long as it likes.
      if (connection.pending.length === 0) return;
      code = "timeout";
      socket.destroy();
    });
    socket.on("connect", () => {
      connection.connected = true;
    });
    socket.on("data", (chunk) => {
      try {
        reader.read(chunk);
      } catch (error) {
        malformed = error instanceof Error ? error.message : String(error);
        socket.destroy();
      }
    });
    socket.on("end", () => reader.end());
    socket.on("error", (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message;
    });
    socket.on("close", () => {
      connection.usable = false;
      const { pending } = connection;
      if (pending.length === 0) {
        if (connection.served > 0 && keepAlive && !connection.announced && !pace.stopping) {
          tally.idleCloses++;
          if (performance.now() - connection.idleSince < keepalive - SLACK) tally.earlyCloses++;
        }
        return;
      }
      const { begun } = reader;
      for (const [place, one] of pending.splice(0).entries()) {
        const outcome =
          malformed !== undefined
            ? "wrong"
            : code === "timeout"
              ? "timedOut"
              : outcomeOf(connection, begun && place === 0, code);
        const facts = `${code ?? "closed"} after ${connection.served} answers, ${Math.round(connection.idled)} ms idle, ${Math.round(performance.now() - one.due)} ms after it was due`;
        settle(outcome, connection.pid, malformed ?? `${one.request.path}: ${facts}`);
      }
      connection.settled();
    });
    return connection;
  };

  /** Sends a batch and resolves when each of its requests has an outcome. */
  const send = (connection: Connection, due: number): Promise<void> =>
    new Promise((resolve) => {
      connection.settled = resolve;
      connection.idled = connection.served === 0 ? 0 : performance.now() - connection.idleSince;
      const parts: string[] = [];
      for (let i = 0; i < pipeline; i++) {
        const request = requests[turn++ % requests.length] ?? GET;
        connection.pending.push({ request, due, phase });
        tally.sent++;
        parts.push(format(request, keepAlive));
      }
      connection.socket.write(parts.join(""), "latin1");
    });

  const run = async (index: number): Promise<void> => {
    /** Milliseconds between two sendings of one connection. */
    const step = rate === 0 ? 0 : (1_000 * options.connections * pipeline) / rate;
    let due = performance.now() + (step * index) / options.connections;
    let connection: Connection | undefined;
    for (;;) {
      await pace.until(due);
      if (pace.stopping) break;
      if (connection?.usable !== true) connection = open();
      // Latency counts from when the request was due: one that is late makes those behind it late as well.
      const before = connection.served;
      await send(connection, step === 0 ? performance.now() : due);
      due += step;
      // After a loss it starts afresh: that is counted already.
      if (connection.served === before) due = Math.max(due, performance.now());
    }
    connection?.socket.end();
  };

  const running = Promise.all(Array.from({ length: options.connections }, (_, index) => run(index)));
  return {
    tally,
    phase(name) {
      phase = name;
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

function format(request: Request, keepAlive: boolean): string {
  const length = request.body > 0 ? `Content-Length: ${request.body}\r\n` : "";
  const connection = keepAlive ? "" : "Connection: close\r\n";
  const head = `${request.method} ${request.path} HTTP/1.1\r\nHost: storm\r\n${connection}${length}\r\n`;
  return head + "x".repeat(request.body);
}
