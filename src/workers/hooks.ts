// The configuration file's functions that run in a worker. A file without any is not read here at all.

import { performance } from "node:perf_hooks";
import type { RequestInfo, ResponseInfo, ServerInfo, WorkerInfo } from "../config/hook-arguments.ts";
import type { Hooks } from "../config/hooks.ts";
import type { Init } from "../ipc/messages.ts";
import type { ErrorLog } from "../log/error-log.ts";
import { privateCache } from "../os/cache.ts";
import { dropsPrivileges } from "../os/privileges.ts";
import type { Exchange } from "../protocols/exchange.ts";
import type { PipelineOptions } from "./pipeline.ts";

export interface WorkerHooks {
  /** These two fail the boot by throwing; the others are only told, and a failure of theirs is logged. */
  postFork(): Promise<void>;
  postWorkerInit(): Promise<void>;
  /** Resolves when readyWhen says so; a failure of that is logged and asked again. */
  ready(): Promise<void>;
  workerInt(): Promise<void>;
  workerAbort(): Promise<void>;
  workerExit(): Promise<void>;
  readonly sslContext: Hooks["sslContext"];
  readonly loggers: Pick<Hooks, "logger" | "accessLogger">;
  /** For the pipeline. */
  readonly request: PipelineOptions["hooks"];
}

/** Runs the file as whoever the process is by now: root reads what its workers' user may not. */
export async function readHooks({ hooksFile, startedIn, config }: Init): Promise<Hooks> {
  if (hooksFile === null) return {};
  const { readHooksFile } = await import("../config/hooks-file.ts");
  // What a function of the file imports later is imported as the user, who can't use root's cache.
  const cache = dropsPrivileges(config) ? false : privateCache("config");
  return await readHooksFile(hooksFile, { env: process.env, cwd: startedIn }, cache);
}

/** `thread` is the number of a serving thread, where a process has them. */
export function workerHooks(
  given: Hooks,
  { identity, config, arbiterPid }: Init,
  log: ErrorLog,
  thread?: number,
): WorkerHooks {
  const { generation, slot } = identity;
  const worker: WorkerInfo = {
    pid: process.pid,
    id: slot,
    generation,
    ...(thread === undefined ? {} : { thread }),
    get age() {
      return performance.now() / 1_000;
    },
    log,
  };
  const server: ServerInfo = { pid: arbiterPid, config, generation, workers: config.workers, log };
  const told = async (name: keyof Hooks, call: () => unknown): Promise<void> => {
    try {
      await call();
    } catch (error) {
      log.exception(`Hook ${name} failed`, error);
    }
  };
  const { preRequest, postRequest } = given;
  return {
    postFork: async () => given.postFork?.(server, worker),
    postWorkerInit: async () => given.postWorkerInit?.(worker),
    ready: async () => {
      const { readyWhen } = given;
      if (readyWhen === undefined) return;
      const { untilReady } = await import("./readiness.ts");
      await untilReady(
        () => readyWhen(worker),
        (error) => log.exception("Hook readyWhen failed", error),
      );
    },
    workerInt: () => told("workerInt", () => given.workerInt?.(worker)),
    workerAbort: () => told("workerAbort", () => given.workerAbort?.(worker)),
    workerExit: () => told("workerExit", () => given.workerExit?.(server, worker)),
    sslContext: given.sslContext,
    loggers: given,
    request: {
      ...(preRequest === undefined
        ? {}
        : { preRequest: (exchange: Exchange) => preRequest(worker, requestInfo(exchange)) }),
      ...(postRequest === undefined
        ? {}
        : {
            postRequest: (exchange: Exchange) =>
              postRequest(worker, requestInfo(exchange), exchange.environ ?? {}, responseInfo(exchange)),
          }),
    },
  };
}

function requestInfo(exchange: Exchange): RequestInfo {
  return {
    method: exchange.method,
    target: exchange.target,
    headers: exchange.rawHeaders,
    remoteAddress: exchange.client.address,
    header: (name) => exchange.header(name.toLowerCase()),
  };
}

function responseInfo(exchange: Exchange): ResponseInfo {
  return {
    status: exchange.status,
    bodyBytes: exchange.bodyBytes,
    header: (name) => exchange.responseHeader(name.toLowerCase()),
  };
}
