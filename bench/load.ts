// Puts a server under load and says what became of every request; exits with 1 where one was lost.
// usage: npm run build:test && node build/bench/load.js http://127.0.0.1:8000/ [OPTION VALUE]...
//        a unix socket is written unix:/run/app.sock
// -c connections (16)   -n requests (10000)   -s seconds (30), whichever ends first   -r requests per second (no limit)
// -p requests at once on a connection (1)   --close: a connection for each request

import { parseArgs } from "node:util";
import { startLoad, type Target } from "./load/client.ts";
import { latencies, lost, phaseOf, summary } from "./load/tally.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    connections: { type: "string", short: "c", default: "16" },
    requests: { type: "string", short: "n", default: "10000" },
    seconds: { type: "string", short: "s", default: "30" },
    rate: { type: "string", short: "r", default: "0" },
    pipeline: { type: "string", short: "p", default: "1" },
    close: { type: "boolean", default: false },
  },
});

const [where = "http://127.0.0.1:8000/"] = positionals;
const url = where.startsWith("unix:") ? null : new URL(where);
const target: Target =
  url === null
    ? { path: where.slice("unix:".length) }
    : { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port || 80) };
const path = url === null ? "/" : `${url.pathname}${url.search}`;

const startedAt = performance.now();
const load = startLoad({
  target,
  connections: Number(values.connections),
  keepAlive: !values.close,
  pipeline: Number(values.pipeline),
  rate: Number(values.rate),
  requests: [{ method: "GET", path, body: 0, answer: null }],
});
let timer: NodeJS.Timeout | undefined;
const late = new Promise<void>((resolve) => {
  timer = setTimeout(resolve, Number(values.seconds) * 1_000);
});
await Promise.race([load.outcomes(Number(values.requests)), late]);
clearTimeout(timer);
const tally = await load.stop();
const seconds = (performance.now() - startedAt) / 1_000;
console.log(summary(tally));
console.log(
  `${latencies(phaseOf(tally, "all"))}, ${Math.round(tally.outcomes.answered / seconds)} per second`,
);
for (const { outcome, detail } of tally.losses.slice(0, 20)) console.log(`${outcome}: ${detail}`);
process.exitCode = lost(tally) === 0 ? 0 : 1;
