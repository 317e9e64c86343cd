// The server as process 1, as in a container without an init. The kernel gives that process no default action for a
// signal, and makes it the parent of every orphan.

import assert from "node:assert/strict";
import { test } from "node:test";
import { get, ready } from "../process/client.ts";
import { start, within } from "../process/server.ts";
import { AS_PROCESS_1, hasNamespaces, process1 } from "./namespace.ts";

/** `/child` leaves a process behind that ends when its worker has ended; `/processes` tells of all there are. */
const APP = `import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
const answers = {
  "/child": () => String(spawn("cat", { stdio: ["pipe", "ignore", "ignore"], detached: true }).pid),
  "/die": () => {
    process.kill(process.pid, "SIGKILL");
  },
  "/processes": () =>
    readdirSync("/proc")
      .filter((name) => /^\\d+$/.test(name))
      .flatMap((name) => {
        try {
          const [, pid, comm, state, parent] = /^(\\d+) \\((.*)\\) (\\S) (\\d+)/s.exec(readFileSync("/proc/" + name + "/stat", "latin1"));
          return [[pid, comm, state, parent].join(" ")];
        } catch {
          return [];
        }
      })
      .join("\\n"),
};
export const app = (request, response) => response.end(answers[request.url]?.() ?? "hello");
`;

const WORKERS = ["-w", "2", "-b", "127.0.0.1:0", "--log-level", "debug", "app:app"];
const DIED = /Worker died: worker=\d gen=\d+ pid=(\d+) was ended by SIGKILL/;

test("as process 1 it reloads, replaces and reaps its workers, and stops on TERM", async (t) => {
  if (!hasNamespaces(t)) return;
  const server = start(t, WORKERS, { files: { "app.mjs": APP }, script: AS_PROCESS_1 });
  await ready(server, 2);
  assert.match(server.log(), /Listening at: \S+ \(1\)/);
  const first = await process1(server.pid);
  server.signal("SIGHUP", first);
  await server.saw(/Reload complete: generation 2/);
  await server.saw(/Worker exited: worker=\d gen=1/, 2);
  // A worker that dies leaves its child to process 1.
  await get(await server.url("/child"));
  await assert.rejects(get(await server.url("/die")));
  await server.saw(DIED);
  await ready(server, 5);
  const { body } = await get(await server.url("/processes"));
  const processes = body.split("\n");
  const workers = processes.filter((line) => /tgunicorn: work/.test(line));
  assert.equal(workers.length, 2, body);
  const ended = processes.filter((line) => / Z \d+$/.test(line) && !line.includes("cat"));
  assert.deepEqual(ended, [], body);
  server.signal("SIGTERM", first);
  assert.deepEqual(await within(server.exited, "the exit", server.log), { code: 0, signal: null });
});

test("as process 1 it reaps what the application has left behind", async (t) => {
  if (!hasNamespaces(t)) return;
  const server = start(t, ["-w", "1", ...WORKERS.slice(2)], {
    files: { "app.mjs": APP },
    script: AS_PROCESS_1,
  });
  await ready(server, 1);
  const first = await process1(server.pid);
  const { body: orphan } = await get(await server.url("/child"));
  await assert.rejects(get(await server.url("/die")));
  await ready(server, 2);
  const reaped = async (): Promise<void> => {
    for (;;) {
      const { body } = await get(await server.url("/processes"));
      if (!body.split("\n").some((line) => line.startsWith(`${orphan} `))) return;
    }
  };
  await within(reaped(), "the reaping", server.log);
  // Its own children are still Node's to wait for.
  await assert.rejects(get(await server.url("/die")));
  await server.saw(DIED, 2);
  await ready(server, 3);
  server.signal("SIGTERM", first);
  assert.deepEqual(await within(server.exited, "the exit", server.log), { code: 0, signal: null });
});

test("as process 1 it ends at once on INT, and with the status of a failed start", async (t) => {
  if (!hasNamespaces(t)) return;
  const server = start(t, WORKERS, { files: { "app.mjs": APP }, script: AS_PROCESS_1 });
  await ready(server, 2);
  server.signal("SIGINT", await process1(server.pid));
  assert.deepEqual(await within(server.exited, "the exit", server.log), { code: 0, signal: null });
  const broken = start(t, WORKERS, { files: { "app.mjs": "export const app = 1;" }, script: AS_PROCESS_1 });
  assert.deepEqual(await within(broken.exited, "the exit", broken.log), { code: 4, signal: null });
});
