// rsyslog reads our messages as it should: by program, process, severity and text.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { get, ready } from "../process/client.ts";
import { FIXTURES, scratch, start, within } from "../process/server.ts";
import { hasPeers, searched } from "./peer.ts";
import { freePort } from "./port.ts";

async function startRsyslog(
  t: TestContext,
  kind: "udp" | "tcp",
): Promise<{ readonly port: number; saw(pattern: RegExp): Promise<string[]> }> {
  const port = await freePort(kind);
  const dir = scratch(t);
  const out = join(dir, "out.log");
  writeFileSync(out, "");
  const config = `
module(load="im${kind}")
template(name="parts" type="string" string="%programname%|%procid%|%syslogseverity-text%|%syslogfacility-text%|%hostname%|%msg%\\n")
input(type="im${kind}" port="${port}"${kind === "udp" ? ' address="127.0.0.1"' : ""})
action(type="omfile" file="${out}" template="parts" asyncWriting="off" flushOnTXEnd="on")
`;
  writeFileSync(join(dir, "rsyslog.conf"), config);
  const daemon = spawn("rsyslogd", ["-n", "-C", "-f", join(dir, "rsyslog.conf"), "-i", join(dir, "pid")], {
    env: { PATH: searched() },
    stdio: "ignore",
  });
  const gone = once(daemon, "exit");
  t.after(async () => {
    daemon.kill("SIGTERM");
    await gone;
  });
  return {
    port,
    async saw(pattern) {
      const watcher = watch(dir);
      const found = new Promise<string[]>((resolve) => {
        const look = (): void => {
          const text = readFileSync(out, "utf8");
          if (pattern.test(text)) resolve(text.trimEnd().split("\n"));
        };
        watcher.on("change", look);
        look();
      });
      try {
        return await within(found, String(pattern), () => readFileSync(out, "utf8"));
      } finally {
        watcher.close();
      }
    },
  };
}

for (const [kind, format] of [
  ["tcp", "rfc5424"],
  ["tcp", "rfc3164"],
  ["udp", "rfc5424"],
  ["udp", "rfc3164"],
] as const) {
  test(`rsyslog reads ${format} over ${kind}`, async (t) => {
    if (!hasPeers(t, "rsyslogd")) return;
    const rsyslog = await startRsyslog(t, kind);
    const server = start(
      t,
      [
        ...["-b", "127.0.0.1:0", "--log-level", "debug", "-n", "web", "--log-syslog"],
        ...["--log-syslog-to", `${kind}://127.0.0.1:${rsyslog.port}`, "--log-syslog-format", format],
        ...["--log-syslog-facility", "local3", `${join(FIXTURES, "apps.mjs")}:pid`],
      ],
      { expected: [/syslog \S+: (\d+ lines? lost: )?connection refused/] },
    );
    await ready(server, 1);
    const url = await server.url();
    // Over UDP what comes before rsyslog is there is lost, so it is asked until it is. The last may come when the server stops.
    const ask = (): Promise<unknown> => get(`${url}asked`).catch(() => undefined);
    const asking = setInterval(() => void ask(), 100);
    const lines = await rsyslog
      .saw(/gunicorn\.web\.access\|.*GET \/asked/)
      .finally(() => clearInterval(asking));
    const access = lines.find((line) => line.includes("GET /asked")) ?? "";
    const [program, pid, severity, facility, host, text] = access.split("|");
    assert.equal(program, "gunicorn.web.access");
    assert.ok(server.workerPids().includes(Number(pid)), access);
    assert.equal(severity, "info");
    assert.equal(facility, "local3");
    assert.notEqual(host, "");
    assert.match(text ?? "", /^ ?127\.0\.0\.1 - - \[.*\] "GET \/asked HTTP\/1\.1" 200 \d+ "-" "-"$/);
    await server.stop();
    const all = await rsyslog.saw(/gunicorn\.web\.error\|.*Worker exited/);
    const end = all.find((line) => line.includes("Worker exited")) ?? "";
    assert.ok(end.startsWith(`gunicorn.web.error|${server.pid}|info|local3|`), end);
  });
}
