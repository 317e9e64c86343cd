import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import http from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { get, ready } from "./client.ts";
import { FIXTURES, type Server, start } from "./server.ts";

const APPS = join(FIXTURES, "apps.mjs");
const ARGS = ["-b", "127.0.0.1:0", "--log-level", "debug"];

/** How many workers were in service after each line of the log that changed it, from when all were for the first time. */
function capacity(server: Server, workers: number): number[] {
  const counts: number[] = [];
  let serving = 0;
  for (const [line] of server.log().matchAll(/(?:Ready|Draining) worker=.*|Handling signal: term/g)) {
    if (line.startsWith("Handling")) break;
    serving += line.startsWith("Ready") ? 1 : -1;
    if (counts.length > 0 || serving === workers) counts.push(serving);
  }
  return counts;
}

function assertCapacity(server: Server, workers: number): void {
  const counts = capacity(server, workers);
  assert.ok(Math.min(...counts) >= workers, `${counts.join()} in\n${server.log()}`);
  assert.ok(Math.max(...counts) <= workers + 1, `${counts.join()} in\n${server.log()}`);
}

/** Asks on `clients` connections until `enough` says so; every answer must be 200. Returns what was answered. */
async function askUntil(server: Server, clients: number, enough: () => boolean): Promise<Set<string>> {
  const url = await server.url();
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  const bodies = new Set<string>();
  const client = async (): Promise<void> => {
    for (let asked = 0; !enough() && asked < 100_000; asked++) {
      const { status, body } = await get(url, agent);
      assert.equal(status, 200);
      bodies.add(body);
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    agent.destroy();
  }
  return bodies;
}

for (const kind of ["sync", "eventloop", "threaded"]) {
  test(`${kind}: workers that have lived long enough are replaced, capacity never falls, nothing is lost`, async (t) => {
    const lifetime = ["--max-worker-lifetime", "0.3", "--max-worker-lifetime-jitter", "0.2"];
    const server = start(t, [...ARGS, "-w", "2", "-k", kind, ...lifetime, `${APPS}:pid`]);
    await ready(server, 2);
    const pids = await askUntil(server, 4, () => server.count(/Recycling .* it has served for 0\.\d s/) >= 6);
    // Clients that keep their connections may stay with every second worker.
    assert.ok(pids.size >= 3, `${pids.size} workers have answered`);
    await server.stop();
    assertCapacity(server, 2);
  });
}

const HOARD = `const kept = [];
export const app = (req, res) => {
  for (let block = 0; block < Number(req.url.slice(1)); block++) kept.push(Buffer.alloc(1 << 20, 1));
  res.end(String(process.pid));
};`;

test("a worker that uses more than maxMemory is replaced; its replacement serves first", async (t) => {
  const server = start(t, [...ARGS, "-w", "2", "-k", "eventloop", "--max-memory", "256M", "app:app"], {
    files: { "app.mjs": HOARD },
  });
  await ready(server, 2);
  const { body } = await get(await server.url("/250"));
  await server.saw(
    new RegExp(
      `Recycling worker=\\d gen=1 pid=${body}: it uses \\d+\\.\\d MB of memory, and maxMemory is 256\\.0 MB`,
    ),
  );
  await ready(server, 3);
  await server.saw(new RegExp(`Worker exited: worker=\\d gen=1 pid=${body}`));
  await server.stop();
  assertCapacity(server, 2);
});

test("a worker that uses more than maxMemoryHard is killed and replaced, and the log says why", async (t) => {
  const server = start(t, [...ARGS, "-t", "0", "-k", "eventloop", "--max-memory-hard", "256M", "app:app"], {
    files: { "app.mjs": HOARD },
    expected: [
      /Killing worker=1 gen=1 pid=\d+: it uses \d+\.\d MB of memory, and maxMemoryHard is 256\.0 MB/,
    ],
  });
  await ready(server, 1);
  assert.equal((await get(await server.url("/10"))).status, 200);
  await get(await server.url("/250"));
  await server.saw(/Killing worker/);
  await ready(server, 2);
  assert.equal((await get(await server.url("/0"))).status, 200);
  await server.stop();
});

test("a worker serves when readyWhen says so, and a failure of that is told once", async (t) => {
  const config = `let asked = 0;
export default {
  readyWhen(worker) {
    if (++asked < 3) throw new Error("the database is away");
    return asked < 5 ? "yes" : Promise.resolve(asked === 6);
  },
};`;
  const server = start(t, [...ARGS, `${APPS}:pid`], {
    files: { "gunicorn.conf.mjs": config },
    expected: [/Hook readyWhen failed/],
  });
  await ready(server, 1);
  assert.equal(server.count(/Hook readyWhen failed\s+Error: the database is away/), 1);
  assert.equal((await get(await server.url())).status, 200);
  await server.stop();
});

test("a reload waits for readyWhen, and bootTimeout ends a wait in vain: the old workers serve on", async (t) => {
  const config = (ready: boolean): string =>
    `export default { bootTimeout: 8, readyWhen: () => process.env.NEVER !== "1", rawEnv: ["NEVER=${ready ? 0 : 1}"] };`;
  const server = start(t, [...ARGS, `${APPS}:pid`], {
    files: { "gunicorn.conf.mjs": config(true) },
    expected: [/Boot timeout/, /Reload aborted/],
  });
  await ready(server, 1);
  const { body } = await get(await server.url());
  writeFileSync(join(server.dir, "gunicorn.conf.mjs"), config(false));
  server.signal("SIGHUP");
  await server.saw(/Reload aborted, generation 1 serves on: .* was not ready in time/);
  assert.equal((await get(await server.url())).body, body);
  await server.stop();
});

test("fewer files than connections are told of at the start", async (t) => {
  const args = [...ARGS, "-k", "eventloop", `${APPS}:pid`];
  const few = /workerConnections is 1000, and a process may open 256 files/;
  const options = { script: 'ulimit -n 256; exec "$@"', expected: [few] };
  const server = start(t, args, options);
  await ready(server, 1);
  assert.equal(server.count(few), 1);
  await server.stop();
  const other = start(t, [...args, "--worker-connections", "200"], { script: options.script });
  await ready(other, 1);
  await other.stop();
});
