// What an access-log line costs: formatting alone, then with buffered writing to a file.
// Run after `npm run build`: node bench/access-log.mjs [lines]

import fs from "node:fs";
import os from "node:os";
import path from "node:path";

const dist = new URL(process.env.TGUNICORN_DIST ?? "../build/src/", import.meta.url);
const { accessFormat, compileAccessFormat, createAccessLog } = await import(
  new URL("log/access-log.js", dist).href
);
const { openDestination } = await import(new URL("log/destination.js", dist).href);

const lines = Number(process.argv[2] ?? 1_000_000);
const standard = '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"';
const formats = {
  default: standard,
  "default + duration": `${standard} %(L)s`,
  everything: `${standard} %(m)s %(U)s %(q)s %(H)s %(B)s %(T)s %(D)s %(M)s %(L)s %(p)s %({host}i)s %({content-type}o)s`,
};

const agent =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36";
const requestHeaders = {
  host: "example.test",
  "user-agent": agent,
  referer: "http://example.test/list?page=2",
};
const responseHeaders = { "content-type": "text/html" };
const client = { address: "127.0.0.1", port: 40000 };
const connection = { peer: client, local: { address: "127.0.0.1", port: 8000 } };

// Targets are new strings each time, as they are when a parser makes them.
const targets = Array.from({ length: 1024 }, (_, i) =>
  Buffer.from(`/articles/${i}?page=${i % 7}`).toString("latin1"),
);
const records = targets.map((target, i) => ({
  client,
  connection,
  method: i % 5 === 0 ? "POST" : "GET",
  target,
  httpVersion: "1.1",
  header: (name) => requestHeaders[name],
  status: i % 9 === 0 ? 404 : 200,
  bodyBytes: i * 13,
  responseHeader: (name) => responseHeaders[name],
}));

function measure(name, work) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 4; round++) {
    const start = performance.now();
    for (let i = 0; i < lines; i++) work(i);
    best = Math.min(best, performance.now() - start);
  }
  console.log(`${name.padEnd(36)} ${((best / lines) * 1000).toFixed(3)} us per line`);
}

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "access-log-"));
let length = 0;
for (const [name, format] of Object.entries(formats)) {
  const { line } = compileAccessFormat(format);
  measure(`format: ${name}`, (i) => {
    length += line(records[i & 1023], 1.234).length;
  });
}

const json = accessFormat({ logFormat: "json", accessLogFormat: standard }, { pid: 41, worker: 2, gen: 1 });
measure("format: JSON, duration included", (i) => {
  length += json.line(records[i & 1023], 1.234).length;
});

const ready = compileAccessFormat(standard).line(records[1], 1.234);
const destination = openDestination(path.join(directory, "plain.log"));
measure("write: ready line to a file", () => destination.write(ready));
destination.close();

const nowhere = openDestination("/dev/null");
measure("write: ready line to /dev/null", () => nowhere.write(ready));
nowhere.close();

const log = createAccessLog({ target: path.join(directory, "access.log"), format: standard });
measure("format and write: default to a file", (i) => log.write(records[i & 1023], 1.234));
log.close();
console.log(`node ${process.version}, ${length} characters formatted`);
fs.rmSync(directory, { recursive: true });
