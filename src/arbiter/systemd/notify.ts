// Tells systemd by its own program: Node has no datagrams over Unix sockets.

import { spawn } from "node:child_process";
import { errorReason } from "../../log/descriptor.ts";
import type { ErrorLog } from "../../log/error-log.ts";
import { LONGEST_TIMER, within } from "../../within.ts";
import type { Moment } from "../metrics/figures.ts";
import type { ArbiterState } from "../state.ts";
import { activity, announcement, type Standing, standingOf } from "./say.ts";

export interface Notifier {
  stepped(state: ArbiterState): void;
  /** Resolves when all is told, or after a moment. */
  close(): Promise<void>;
}

export interface NotifyOptions {
  readonly log: ErrorLog;
  /** The environment that systemd started the server with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether this arbiter was started to take another's place, whose pid is in WATCHDOG_PID. */
  readonly heir: boolean;
  /** And has it to wait for that one to end, which speaks for both until then. */
  readonly promoted: boolean;
  /** What the fleet did in the last second; undefined where nothing is counted. */
  readonly latest: () => Moment | undefined;
  /** Whether the last reload has failed. */
  readonly failed: () => boolean;
}

/** The least time between two changes of the status alone, in milliseconds. */
const STATUS_EVERY = 1_000;
/** How often the figures in the status are renewed, in milliseconds: each time is a process. */
const FIGURES_EVERY = 5_000;
const LAST_WORDS = 1_000;

export function createNotifier({ log, env, heir, promoted, latest, failed }: NotifyOptions): Notifier {
  let standing: Standing = { word: "starting", mainPid: null, status: "" };
  if (promoted) standing = { ...standing, word: "silent" };
  let told = "";
  /** The figures at the end of the status. */
  let figures = "";
  /** One message after another: their order is what they mean. */
  let sent: Promise<void> = Promise.resolve();
  let warned = false;
  let timer: NodeJS.Timeout | undefined;

  const warn = (what: string): void => {
    if (!warned) log.warning(`systemd can't be told how the server is: ${what}`);
    warned = true;
  };
  const send = (assignments: readonly string[]): void => {
    const told = (): Promise<void> =>
      new Promise((resolve) => {
        const child = spawn("systemd-notify", assignments, { env: { ...env }, stdio: "ignore" });
        child.on("error", (error) => {
          warn(`systemd-notify: ${error.message}`);
          resolve();
        });
        child.on("exit", (code) => {
          if (code !== 0) warn(`systemd-notify exited with ${code ?? "a signal"}`);
          resolve();
        });
      });
    // Some failures to start a process are thrown, and the next message may have better luck.
    sent = sent.then(told).catch((error: unknown) => warn(errorReason(error)));
  };
  const line = (): string =>
    standing.word === "ready"
      ? `${standing.status}${failed() ? "; the last reload failed" : ""}${figures}`
      : standing.status;
  const status = (): void => {
    timer = undefined;
    if (standing.word === "silent" || line() === told) return;
    told = line();
    send([`STATUS=${told}`]);
  };
  const renewal = setInterval(() => {
    figures = activity(latest());
    status();
  }, FIGURES_EVERY).unref();

  const beat = watchdogInterval(env, heir);
  const beats =
    beat === null
      ? undefined
      : setInterval(() => {
          if (standing.word !== "silent") send(["WATCHDOG=1"]);
        }, beat).unref();

  return {
    stepped(state) {
      const before = standing;
      standing = standingOf(state);
      const news = announcement(before, standing, process.pid, process.hrtime.bigint() / 1_000n);
      if (news.length > 0) {
        told = line();
        return send([...news, `STATUS=${told}`]);
      }
      if (line() !== told) timer ??= setTimeout(status, STATUS_EVERY).unref();
    },
    async close() {
      clearInterval(beats);
      clearInterval(renewal);
      clearTimeout(timer);
      await within(LAST_WORDS, sent);
    },
  };
}

/** Half of WatchdogSec=, in milliseconds; null where systemd does not watch, or another process. */
function watchdogInterval(env: NotifyOptions["env"], heir: boolean): number | null {
  const { WATCHDOG_USEC: usec = "", WATCHDOG_PID: pid = "" } = env;
  if (!/^[1-9]\d{0,14}$/.test(usec)) return null;
  if (pid !== "" && pid !== String(process.pid) && !heir) return null;
  return Math.min(Math.max(10, Number(usec) / 2_000), LONGEST_TIMER);
}
