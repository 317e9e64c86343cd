// The same over HTTP/2: what became of every stream. As node:http2 does, a session that is told to come no more opens no
// further streams and is replaced.

import http2, { type ClientHttp2Session } from "node:http2";
import { GET, type Load, type LoadOptions, type Request } from "./client.ts";
import { createCounter, createPace } from "./pace.ts";
import { balance, countLoss, createTally, type Outcome, phaseOf } from "./tally.ts";

export interface StreamsOptions extends Pick<LoadOptions, "requests" | "patience"> {
  /** Of a server that speaks HTTP/2 without TLS. */
  readonly port: number;
  readonly sessions: number;
  /** Requests at once on a session. */
  readonly streams: number;
  /** Requests per second over all sessions. */
  readonly rate: number;
}

interface Session {
  readonly raw: ClientHttp2Session;
  connected: boolean;
  /** The last stream that the server takes, as its GOAWAY tells. */
  last: number;
}

const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_CANCEL } = http2.constants;

export function startStreams(options: StreamsOptions): Pick<Load, "tally" | "outcomes" | "stop"> {
  const { port, sessions, streams, rate, requests = [GET], patience = 30_000 } = options;
  const tally = createTally();
  const pace = createPace();
  const ended = createCounter();
  const open = new Map<number, Session>();
  let turn = 0;

  const sessionOf = (place: number): Session => {
    const known = open.get(place);
    if (known !== undefined && !known.raw.closed && !known.raw.destroyed) return known;
    const raw = http2.connect(`http://127.0.0.1:${port}`);
    const session = { raw, connected: false, last: Number.POSITIVE_INFINITY };
    raw.on("connect", () => {
      session.connected = true;
    });
    raw.on("goaway", (_code, last = Number.POSITIVE_INFINITY) => {
      session.last = last;
    });
    // Its streams tell what is lost.
    raw.on("error", () => undefined);
    open.set(place, session);
    return session;
  };

  const settle = (outcome: Outcome, pid: string | undefined, detail: string): void => {
    tally.outcomes[outcome]++;
    if (outcome !== "answered" && outcome !== "returned")
      countLoss(tally, { outcome, at: performance.now(), detail, pid });
    ended.add();
  };

  const send = (session: Session, { method, path, body, answer }: Request, due: number): Promise<void> =>
    new Promise((resolve) => {
      tally.sent++;
      const stream = session.raw.request({ ":method": method, ":path": path }, { endStream: body === 0 });
      let [status, length, late, whole] = [0, 0, false, false];
      let pid: string | undefined;
      let failure = "closed";
      stream.setTimeout(patience, () => {
        late = true;
        stream.close(NGHTTP2_CANCEL);
      });
      stream.on("response", (headers) => {
        status = headers[":status"] ?? 0;
        pid = headers["x-pid"]?.toString();
      });
      stream.on("data", (chunk: Buffer) => {
        length += chunk.length;
      });
      stream.on("end", () => {
        whole = true;
      });
      stream.on("error", (error: NodeJS.ErrnoException) => {
        failure = error.code ?? error.message;
      });
      const outcome = (): Outcome => {
        if (late) return "timedOut";
        if (status > 0 && whole && stream.rstCode === NGHTTP2_NO_ERROR)
          return answer === null || status !== 200 || length === answer ? "answered" : "wrong";
        if (!session.connected) return "refused";
        // RFC 9113 sections 6.8 and 8.7: nothing was done with it, it may be sent again.
        const id = stream.id ?? Number.POSITIVE_INFINITY;
        if (stream.rstCode === NGHTTP2_REFUSED_STREAM || id > session.last || stream.pending)
          return "returned";
        if (status > 0) return "cut";
        return failure === "closed" ? "unanswered" : "reset";
      };
      stream.on("close", () => {
        const found = outcome();
        if (found === "answered") {
          const digit = Math.floor(status / 100);
          tally.statuses.set(digit, (tally.statuses.get(digit) ?? 0) + 1);
          if (pid !== undefined) tally.pids.set(pid, (tally.pids.get(pid) ?? 0) + 1);
          phaseOf(tally, "all").add(performance.now() - due);
        }
        settle(
          found,
          pid,
          `${path}: stream ${stream.id ?? "-"} of ${session.last}, ${length} bytes, ${failure}`,
        );
        resolve();
      });
      if (body > 0) stream.end("x".repeat(body));
    });

  const run = async (index: number): Promise<void> => {
    const count = sessions * streams;
    const step = (1_000 * count) / rate;
    let due = performance.now() + (step * index) / count;
    for (;;) {
      await pace.until(due);
      if (pace.stopping) return;
      const { returned } = tally.outcomes;
      await send(sessionOf(index % sessions), requests[turn++ % requests.length] ?? GET, due);
      // What was returned is sent again at once, as another request.
      if (tally.outcomes.returned === returned) due += step;
    }
  };

  const running = Promise.all(Array.from({ length: sessions * streams }, (_, index) => run(index)));
  return {
    tally,
    outcomes: (count) => ended.more(count),
    async stop() {
      pace.stop();
      await running;
      for (const { raw } of open.values()) raw.close();
      balance(tally);
      return tally;
    },
  };
}
