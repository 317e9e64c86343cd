// Lines that no log takes are counted, those as well that are lost when their worker ends.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { freePort } from "../peers/port.ts";
import { get, ready } from "./client.ts";
import { type Server, type StartOptions, start } from "./server.ts";

const APP = `export const app = (request, response) => {
  response.end("hello");
  if (request.url === "/exit") setImmediate(() => process.exit(1));
};`;

interface Losing {
  readonly server: Server;
  /** Resolves when the metrics tell of at least so many lines lost. */
  readonly lost: (log: string, lines: number) => Promise<void>;
}

async function losing(t: TestContext, args: readonly string[], options: StartOptions): Promise<Losing> {
  const given = ["-b", "127.0.0.1:0", "--metrics-bind", "127.0.0.1:0", "--log-level", "debug"];
  const server = start(t, [...given, ...args, "app:app"], {
    ...options,
    files: { "app.mjs": APP, ...options.files },
  });
  const [, metrics = ""] = await server.saw(/Metrics: (http:\S+)/);
  await ready(server, 1);
  return {
    server,
    async lost(log, lines) {
      const line = new RegExp(`^tgunicorn_log_lines_lost_total\\{log="${log}"\\} (\\d+)`, "m");
      let last = "";
      for (const end = performance.now() + 30_000; performance.now() < end; ) {
        last = line.exec((await get(`${metrics}/metrics`)).body)?.[1] ?? "";
        if (Number(last) >= lines) return;
      }
      assert.fail(`${log}: ${last} lines lost, not ${lines}:\n${server.log()}`);
    },
  };
}

for (const kind of ["sync", "eventloop", "threaded"]) {
  test(`${kind}: what a worker's end costs is counted`, async (t) => {
    const port = await freePort();
    const syslog = ["--log-syslog", "--log-syslog-to", `tcp://127.0.0.1:${port}`];
    const { server, lost } = await losing(t, ["-k", kind, "--access-logfile", "/dev/full", ...syslog], {
      expected: [/accesslog \/dev\/full: /, /syslog tcp:\S+: /],
    });
    for (let asked = 0; asked < 10; asked++) await get(await server.url());
    // They wait in memory until their worker ends.
    server.signal("SIGHUP");
    await server.saw(/Reload complete/);
    await lost("access", 10);
    // The access log's lines go there, too.
    await lost("syslog", 10);
    await server.stop();
  });
}

test("what is lost by a process.exit() of the application's is counted", async (t) => {
  const { server, lost } = await losing(t, ["-k", "eventloop", "--access-logfile", "/dev/full"], {
    expected: [/accesslog \/dev\/full: /, /Worker died/],
  });
  await get(await server.url());
  await get(await server.url("/exit"));
  await server.saw(/Worker died/);
  await lost("access", 2);
  await ready(server, 2);
  await server.stop();
});

for (const kind of ["eventloop", "threaded"]) {
  test(`${kind}: what the user's own loggers fail to take is counted`, async (t) => {
    const conf = `
export const logger = () => { throw new Error("mine") };
export const accessLogger = async () => { throw new Error("mine too") };
`;
    const { server, lost } = await losing(t, ["-k", kind], {
      files: { "gunicorn.conf.mjs": conf },
      expected: [/[lL]ogger: \d+ lines? lost: it threw mine/],
    });
    for (let asked = 0; asked < 5; asked++) await get(await server.url());
    await lost("access", 5);
    // The arbiter's own.
    await lost("error", 2);
    await server.stop();
  });
}
