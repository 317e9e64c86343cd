// Functions of the configuration file that the server calls. They are no part of Config, which is plain data.
import type { TlsOptions } from "node:tls";
import type { Config } from "./config.ts";
import type { RequestInfo, ResponseInfo, ServerInfo, WorkerInfo } from "./hook-arguments.ts";
import { type AccessEntry, type LogEntry, logTaker } from "./logger.ts";

/** The process a hook runs in. */
export type HookPlace = "arbiter" | "worker" | "arbiter and each worker";

export interface Hook<Arguments extends readonly unknown[], Result> {
  /** The arguments' names, in order. */
  readonly parameters: { readonly [Index in keyof Arguments]: string };
  readonly runsIn: HookPlace;
  /** True where it is called for every request and so must not return a promise. */
  readonly perRequest: boolean;
  /** True where an object with a method for each level will do. */
  readonly orLogger?: boolean;
  readonly summary: string;
  /** Never there: carries the type of the function. */
  readonly type?: (...args: Arguments) => Result;
}

type Words = { readonly summary: string };

const hook =
  <Arguments extends readonly unknown[]>(
    runsIn: HookPlace,
    ...parameters: { [Index in keyof Arguments]: string }
  ) =>
  (words: Words): Hook<Arguments, void | Promise<void>> => ({
    parameters,
    runsIn,
    perRequest: false,
    ...words,
  });

const condition =
  <Arguments extends readonly unknown[]>(
    runsIn: HookPlace,
    ...parameters: { [Index in keyof Arguments]: string }
  ) =>
  (words: Words): Hook<Arguments, boolean | Promise<boolean>> => ({
    parameters,
    runsIn,
    perRequest: false,
    ...words,
  });

/** What it returns is used in place of what the settings say. */
const option =
  <Arguments extends readonly unknown[], Result>(
    runsIn: HookPlace,
    ...parameters: { [Index in keyof Arguments]: string }
  ) =>
  (words: Words): Hook<Arguments, Result | Promise<Result>> => ({
    parameters,
    runsIn,
    perRequest: false,
    ...words,
  });

const requestHook =
  <Arguments extends readonly unknown[]>(...parameters: { [Index in keyof Arguments]: string }) =>
  (words: Words): Hook<Arguments, void> => ({ parameters, runsIn: "worker", perRequest: true, ...words });

const logger =
  <Entry>() =>
  (words: Words): Hook<[entry: Entry], unknown> => ({
    parameters: ["entry"],
    runsIn: "arbiter and each worker",
    perRequest: false,
    orLogger: true,
    ...words,
  });

type OfServer = [server: ServerInfo];
type OfWorker = [worker: WorkerInfo];
type OfBoth = [server: ServerInfo, worker: WorkerInfo];

export const hooks = {
  onStarting: hook<OfServer>(
    "arbiter",
    "server",
  )({ summary: "Before the server binds its sockets, and within bootTimeout." }),
  onReload: hook<OfServer>("arbiter", "server")({ summary: "On a reload, before new workers start." }),
  whenReady: hook<OfServer>("arbiter", "server")({ summary: "Once all workers serve for the first time." }),
  preFork: hook<OfBoth>(
    "arbiter",
    "server",
    "worker",
  )({ summary: "Before a worker process starts; its pid is 0." }),
  postFork: hook<OfBoth>("worker", "server", "worker")({ summary: "In a worker that has just started." }),
  postWorkerInit: hook<OfWorker>(
    "worker",
    "worker",
  )({ summary: "In a worker that has loaded the application." }),
  readyWhen: condition<OfWorker>(
    "worker",
    "worker",
  )({
    summary:
      "Asked after postWorkerInit, every 100 ms, until it returns true: only then does the worker serve.",
  }),
  workerInt: hook<OfWorker>("worker", "worker")({ summary: "In a worker that got SIGINT or SIGQUIT." }),
  workerAbort: hook<OfWorker>(
    "worker",
    "worker",
  )({ summary: "In a worker that got SIGABRT, mostly for its timeout." }),
  preExec: hook<OfServer>(
    "arbiter",
    "server",
  )({ summary: "Before a new arbiter is started in this one's place." }),
  sslContext: option<[config: Config, defaultOptions: () => TlsOptions], TlsOptions>(
    "worker",
    "config",
    "defaultOptions",
  )({
    summary:
      "Makes the options of node:tls to serve with, for which it is given those of the settings. Asked again when certificates change.",
  }),
  preRequest: requestHook<[worker: WorkerInfo, req: RequestInfo]>(
    "worker",
    "req",
  )({
    summary: "Before the application gets a request. Must not be async.",
  }),
  postRequest: requestHook<
    [worker: WorkerInfo, req: RequestInfo, environ: Readonly<Record<string, unknown>>, resp: ResponseInfo]
  >(
    "worker",
    "req",
    "environ",
    "resp",
  )({ summary: "After a response. Must not be async." }),
  childExit: hook<OfBoth>(
    "arbiter",
    "server",
    "worker",
  )({ summary: "After a worker has ended, in the arbiter." }),
  workerExit: hook<OfBoth>("worker", "server", "worker")({ summary: "In a worker that is about to end." }),
  nworkersChanged: hook<[server: ServerInfo, newValue: number, oldValue: number | null]>(
    "arbiter",
    "server",
    "newValue",
    "oldValue",
  )({ summary: "After the number of workers was set; the old one is null at first." }),
  onExit: hook<OfServer>("arbiter", "server")({ summary: "Before the server ends." }),
  logger: logger<LogEntry>()({
    summary: "Gets each record of the error log as well: a function, or a logger such as pino's.",
  }),
  accessLogger: logger<AccessEntry>()({
    summary: "Gets each request that is over: a function, or a logger such as pino's.",
  }),
};

export type HookTable = typeof hooks;
export type HookName = keyof HookTable;

/** The functions the configuration file gave. */
export type Hooks = {
  readonly [Name in HookName]?: HookTable[Name] extends Hook<infer Arguments, infer Result>
    ? (...args: Arguments) => Result
    : never;
};

/** A hook as it is called: a logger that is an object becomes a function. Everything else is left as it is. */
export const asHook = (name: HookName, value: unknown): unknown =>
  hooks[name].orLogger === true ? (logTaker(value) ?? value) : value;

export const isHookName = (name: string): name is HookName => Object.hasOwn(hooks, name);

export const hookNames: readonly HookName[] = Object.keys(hooks).filter(isHookName);

/** True where a worker has to read the configuration file for functions of its own. */
export const forWorkers = (given: Hooks): boolean =>
  hookNames.some((name) => given[name] !== undefined && hooks[name].runsIn !== "arbiter");
