// The arbiter's error log, which outlives changes of its own settings.

import { closeSync, openSync } from "node:fs";
import { resolve as absolute } from "node:path";
import type { Config, LogLevel } from "../config/config.ts";
import type { Resolved } from "../config/resolve.ts";
import { compileAccessFormat } from "../log/access-log.ts";
import { type Making, madeMode } from "../log/descriptor.ts";
import { type Destination, openDestination } from "../log/destination.ts";
import { createErrorLog, type ErrorLog } from "../log/error-log.ts";
import { createLevel, type Level } from "../log/level.ts";
import { stderrWarning } from "../log/losses.ts";
import { quietly } from "../log/quietly.ts";
import type { LogSink } from "../log/record.ts";
import type { Outlet } from "../log/remote/outlet.ts";
import { describeError } from "../log/stack.ts";
import { clearsLine, drawsLine, onStderr, type StatusLine } from "../log/status-line.ts";
import { openSyslog, syslogSink } from "../log/syslog.ts";
import { errorLogger } from "../log/user-logger.ts";
import type { Losses } from "../metrics/row.ts";
import { createStatsd, openStatsd, type Statsd } from "../metrics/statsd.ts";
import type { SocketOwner } from "../os/sockets.ts";
import type { Setup } from "./setup.ts";

type Settled = Pick<Resolved, "config" | "hooks">;

export interface Journal {
  /** Writes to whatever destination and level are in force. */
  readonly log: ErrorLog;
  /** Follows a changed `errorlog` or `loglevel`; where the new destination can't be opened the old one stays. */
  configure(setup: Pick<Setup, "resolved" | "directory">): void;
  /** Has another level from now on, until `configure`. */
  setLevel(level: LogLevel): void;
  /** USR1: opens the files anew, and makes sure that workers without root's rights can open theirs. */
  reopen(): void;
  /** How many worker processes there are now, for statsd. */
  counted(workers: number): void;
  /** What is under way, on the terminal that the log goes to; null where it goes elsewhere. */
  readonly line: Pick<StatusLine, "show"> | null;
  /** Writes everything; resolves when what is elsewhere has it, or can't be reached. */
  flush(): Promise<void>;
  /** Lines lost since the start. */
  lost(): Losses;
  /**
   * Calls `use` with the descriptors that become a worker's stdout and stderr: under captureOutput the file of the error log of the
   * configuration, in force or on trial, that the worker has.
   */
  withOutput(config: Config, use: (output: readonly [number, number]) => void): void;
}

/** Hears what is wrong, whatever the log's level. */
export type Listener = (level: "Warning" | "Error", message: string) => void;

/** Opens the arbiter's error log; throws LOG_UNWRITABLE. `ownerOf` names who must be able to write the log files. */
export function createJournal(
  { config, hooks }: Settled,
  ownerOf: (config: Config) => SocketOwner | null,
  listener: Listener = () => undefined,
): Journal {
  let directory = process.cwd();
  prepareFiles(config, directory, ownerOf(config));
  const line = drawsLine(config) ? onStderr() : null;
  if (line !== null) for (const stream of [process.stdout, process.stderr]) clearsLine(stream);
  let current = config;
  let destination: Destination = open(config, directory);
  const warn = (message: string): void => log.warning(message);
  let links = openLinks(config, warn);
  let elsewhere = openElsewhere({ config, hooks }, links);
  /** By those that are not in use any more. */
  const past = { error: 0, syslog: 0, statsd: 0 };
  const level = createLevel(config.loglevel);
  let inner = errorLogOf(config, beside(line, destination), elsewhere, level);
  let captured = openCaptured(config, directory);
  let workers = 0;

  /** Ends the links that are not in use any more, once what waits in them is sent or can't be. */
  const retire = async (from: Elsewhere, before: Links, after: Links): Promise<void> => {
    const left = (["syslog", "statsd"] as const).flatMap((name) => {
      const outlet = before[name] === after[name] ? undefined : before[name]?.outlet;
      return outlet === undefined ? [] : [{ name, outlet, lost: outlet.lost }];
    });
    // At once, and what its end adds later: a counter never falls.
    for (const { name, lost } of left) past[name] += lost;
    await from.settle();
    for (const { name, outlet, lost } of left) {
      outlet.close();
      past[name] += outlet.lost - lost;
    }
  };

  const log: ErrorLog = {
    get level() {
      return inner.level;
    },
    shows: (level) => inner.shows(level),
    debug: (message) => inner.debug(message),
    info: (message) => inner.info(message),
    warning(message) {
      listener("Warning", message);
      inner.warning(message);
    },
    error(message) {
      listener("Error", message);
      inner.error(message);
    },
    critical(message) {
      listener("Error", message);
      inner.critical(message);
    },
    exception(message, error) {
      listener("Error", `${message}\n${describeError(error)}`);
      inner.exception(message, error);
    },
  };

  return {
    log,
    configure({ resolved: { config: next, hooks: given }, directory: entered }) {
      const moved = next.errorlog !== current.errorlog || entered !== directory;
      try {
        prepareFiles(next, entered, ownerOf(next));
        const opened = moved ? open(next, entered) : destination;
        if (moved) {
          destination.close();
          past.error += destination.lost;
        } else destination.reopen(); // the same words may name another file by now, as it is for the new workers
        destination = opened;
        current = next;
        directory = entered;
        captured = reopenCaptured(captured, current, directory);
      } catch (error) {
        inner.error(error instanceof Error ? error.message : String(error));
      }
      const before = links;
      links = openLinks(next, warn, before);
      past.error += elsewhere.lost();
      void retire(elsewhere, before, links);
      elsewhere = openElsewhere({ config: next, hooks: given }, links);
      level.set(next.loglevel);
      inner = errorLogOf(next, beside(line, destination), elsewhere, level);
      if (workers > 0) elsewhere.statsd?.gauge("gunicorn.workers", workers);
    },
    setLevel: level.set,
    reopen() {
      try {
        // First: the configuration in force says how they are made.
        prepareFiles(current, directory, ownerOf(current));
        captured = reopenCaptured(captured, current, directory);
      } catch (error) {
        inner.error(error instanceof Error ? error.message : String(error));
      }
      destination.reopen();
    },
    counted(present) {
      if (present === workers) return;
      workers = present;
      elsewhere.statsd?.gauge("gunicorn.workers", workers);
    },
    line: line && { show: (text) => line.show(drawsLine(current) ? text : null) },
    async flush() {
      destination.flushSync();
      await elsewhere.settle();
    },
    lost: () => ({
      error: past.error + destination.lost + elsewhere.lost(),
      access: 0,
      syslog: past.syslog + (links.syslog?.outlet.lost ?? 0),
      statsd: past.statsd + (links.statsd?.outlet.lost ?? 0),
    }),
    withOutput(config, use) {
      const held = config === current;
      // The worker itself says why its log can't be opened.
      const file = held ? captured : (quietly(() => openCaptured(config, process.cwd())) ?? null);
      use(file === null ? [1, 2] : [file, file]);
      if (file !== null && !held) closeSync(file);
    },
  };
}

/** A way to another host, or a daemon, and what it was opened for. */
interface Link {
  readonly to: string;
  readonly outlet: Outlet;
}

interface Links {
  readonly syslog: Link | null;
  readonly statsd: Link | null;
}

/** Those of `held` that lead where the configuration wants are kept, with what waits in them. */
function openLinks(config: Config, warn: (message: string) => void, held?: Links): Links {
  const link = (name: keyof Links, to: string, open: () => Outlet | null): Link | null => {
    const before = held?.[name];
    if (before?.to === to) return before;
    const outlet = open();
    return outlet && { to, outlet };
  };
  const { syslog, syslogAddr, syslogFormat, statsdHost } = config;
  return {
    syslog: link("syslog", JSON.stringify([syslog, syslogAddr, syslogFormat]), () =>
      syslog ? openSyslog(config, warn) : null,
    ),
    statsd: link("statsd", JSON.stringify(statsdHost), () => openStatsd(config, warn)),
  };
}

/** Whoever hears the log apart from its file. */
interface Elsewhere {
  readonly sinks: readonly LogSink[];
  readonly statsd: Statsd | undefined;
  /** Lines that the user's own logger has lost. */
  lost(): number;
  /** Resolves once what waits is sent, or can't be. */
  settle(): Promise<void>;
}

function openElsewhere({ config, hooks }: Settled, links: Links): Elsewhere {
  const syslog = links.syslog?.outlet;
  const metrics = links.statsd?.outlet;
  const statsd = metrics && createStatsd(config, metrics);
  const sinks: LogSink[] = [];
  if (syslog !== undefined) sinks.push(syslogSink(config, { pid: process.pid }, syslog));
  if (statsd !== undefined) sinks.push(statsd.sink);
  const origin = { pid: process.pid };
  const theirs = hooks.logger && errorLogger(hooks.logger, origin, stderrWarning(config.logFormat, origin));
  if (theirs !== undefined) sinks.push(theirs);
  return {
    sinks,
    statsd,
    lost: () => theirs?.lost ?? 0,
    async settle() {
      statsd?.flush();
      await Promise.all([theirs?.flush(), syslog?.settle(), metrics?.settle()]);
    },
  };
}

type Lines = Pick<Destination, "write" | "flush">;

/** Each line is written at once: see open(). */
const beside = (line: StatusLine | null, { write, flush }: Destination): Lines =>
  line === null ? { write, flush } : { write: (text) => line.aside(() => write(text)), flush };

const errorLogOf = (
  { logFormat }: Config,
  destination: Lines,
  { sinks }: Elsewhere,
  level: Level,
): ErrorLog => createErrorLog({ destination, level, form: logFormat, sinks });

/** The arbiter says little, so every line is written at once. */
function open(config: Config, directory: string): Destination {
  const warn = stderrWarning(config.logFormat, { pid: process.pid });
  return openDestination(config.errorlog, {
    standard: 2,
    setting: "errorlog",
    umask: config.umask,
    directory,
    delay: 0,
    warn,
  });
}

/** Creates the log files, for workers that could not, and finds out before anything else starts that nobody could. */
function prepareFiles(config: Config, directory: string, owner: SocketOwner | null): void {
  const { umask } = config;
  const making: Making = { umask, directory, ...(owner !== null && { owner }) };
  openDestination(config.errorlog, { setting: "errorlog", ...making }).close();
  if (config.accesslog === null) return;
  compileAccessFormat(config.accessLogFormat);
  openDestination(config.accesslog, { setting: "accesslog", standard: 1, ...making }).close();
}

function openCaptured(config: Config, directory: string): number | null {
  return config.captureOutput && config.errorlog !== "-"
    ? openSync(absolute(directory, config.errorlog), "a", madeMode(config.umask))
    : null;
}

function reopenCaptured(held: number | null, config: Config, directory: string): number | null {
  const next = openCaptured(config, directory);
  if (held !== null) closeSync(held);
  return next;
}
