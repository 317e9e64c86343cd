// A watchdog whose thread has ended is replaced.

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { createLevel } from "../../../src/log/level.ts";
import { createVitals, sharedNow } from "../../../src/workers/vitals.ts";
import { startWatchdog, type Watchdog } from "../../../src/workers/watchdog.ts";
import { directory } from "../../config/directory.ts";

interface Started {
  readonly dog: Watchdog;
  readonly errorlog: string;
  readonly warnings: string[];
  /** Resolves with the next warning. */
  next(): Promise<unknown>;
  beat(): void;
}

function startDog(t: TestContext, peekFd: number | null, shared?: SharedArrayBuffer): Started {
  const errorlog = path.join(directory(t), "error.log");
  const warnings: string[] = [];
  const news = new EventEmitter();
  const vitals = createVitals();
  const dog = startWatchdog(
    {
      identity: { id: 1, slot: 1, generation: 1 },
      arbiterPid: process.ppid,
      peekFd,
      sharesTerminal: false,
      config: {
        timeout: 0.5,
        requestTimeout: 0,
        slowRequest: 0,
        gracefulTimeout: 30,
        bootTimeout: 0,
        errorlog,
        logFormat: "text",
        syslog: false,
        syslogAddr: { kind: "udp", host: "localhost", port: 514 },
        syslogFacility: "user",
        syslogPrefix: null,
        syslogFormat: "rfc3164",
        disableRedirectAccessToSyslog: false,
        procName: null,
        app: null,
      },
    },
    shared === undefined ? vitals : { shared },
    createLevel("info"),
    (warning) => {
      warnings.push(warning);
      news.emit("warning");
    },
  );
  return {
    dog,
    errorlog,
    warnings,
    // Their threads do not keep a process alive.
    next: async () => {
      const alive = setInterval(() => undefined, 1_000);
      await once(news, "warning");
      clearInterval(alive);
    },
    beat: () => vitals.beat(sharedNow(), false),
  };
}

test("the next one watches, writes to the same log, and leaves the descriptor alone that went with the last", async (t) => {
  // What is no socket ends the thread that is to answer over it.
  const none = fs.openSync(new URL(import.meta.url), "r");
  const { dog, errorlog, warnings, next, beat } = startDog(t, none);
  dog.serving();
  fs.renameSync(errorlog, `${errorlog}.1`);
  dog.reopen();
  const beating = setInterval(beat, 50);
  await next();
  clearInterval(beating);
  beat();
  assert.equal(warnings.length, 1);
  assert.match(
    warnings[0] ?? "",
    /^The watchdog has ended: .+\. Another one is started, which the arbiter can't ask what the worker does$/,
  );
  // This loop is stuck until the log says so.
  const isTold = (): boolean => fs.readFileSync(errorlog, "utf8").includes("Event loop stuck for");
  const until = performance.now() + 20_000;
  while (!isTold() && performance.now() < until);
  assert.ok(isTold());
  assert.equal(fs.readFileSync(`${errorlog}.1`, "utf8"), "");
  assert.equal(warnings.length, 1);
});

test("one that ends again and again is given up", async (t) => {
  // No vitals can be read in what is no multiple of a number's length.
  const { warnings, next } = startDog(t, null, new SharedArrayBuffer(12));
  while (warnings.length < 3) await next();
  assert.match(warnings[1] ?? "", /^The watchdog has ended: .+\. Another one is started$/);
  assert.match(
    warnings[2] ?? "",
    /^The watchdog has ended: .+\. That is the third time, soon after its start: /,
  );
});
