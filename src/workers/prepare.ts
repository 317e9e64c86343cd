// The application with everything around it, in the process or in one of its threads.

import type { Config } from "../config/config.ts";
import { ServerError, serverError } from "../errors.ts";
import { type Adapted, adapt } from "../interfaces/adapt.ts";
import type { AsgiSettings } from "../interfaces/asgi/handler.ts";
import { type Life, lifeOf } from "../interfaces/life.ts";
import { flushCompileCache } from "../interfaces/loader/import.ts";
import { loadWithModule } from "../interfaces/loader.ts";
import type { Init, ListenerSpec, ToArbiter } from "../ipc/messages.ts";
import type { AccessSink } from "../log/access-log.ts";
import type { ErrorLog } from "../log/error-log.ts";
import { closingAfterwards } from "./closing.ts";
import type { Serving, WorkerKind } from "./contract.ts";
import type { Counting } from "./counting.ts";
import type { WorkerHooks } from "./hooks.ts";
import type { Leave } from "./leave.ts";
import { createPipeline, type PipelineOptions } from "./pipeline.ts";
import { answeringProbes } from "./probes.ts";
import type { Pulse } from "./pulse.ts";
import { type TlsFeed, tlsSource } from "./tls.ts";

export interface Preparation extends Pick<PipelineOptions, "random" | "retire" | "count"> {
  readonly init: Init;
  readonly kind: WorkerKind;
  readonly hooks: WorkerHooks;
  readonly log: ErrorLog;
  readonly access: AccessSink | null;
  readonly tls: TlsFeed | undefined;
  readonly listeners: readonly ListenerSpec[];
  /** Of the event loop that serves. */
  readonly pulse: Pick<Pulse, "track">;
  /** Undefined where nobody asks for figures. */
  readonly counting: Counting | undefined;
  /** Whether the server stops. */
  readonly leave: Pick<Leave, "announced">;
  /** To the arbiter. */
  readonly send?: (message: ToArbiter) => void;
}

/** Loads what is the user's. The result opens the gates, when it is called. */
export async function prepare(preparation: Preparation): Promise<() => Promise<Serving>> {
  const { config } = preparation.init;
  const { send } = preparation;
  if (!config.reload || send === undefined) return load(preparation);
  const { reportImports } = await import("./imports.ts");
  const imports = reportImports(config, send);
  try {
    const serve = await load(preparation);
    imports.now();
    return serve;
  } catch (error) {
    imports.failed();
    throw error;
  }
}

async function load(preparation: Preparation): Promise<() => Promise<Serving>> {
  const { init, kind, hooks, log, access, listeners, pulse, counting, leave, tls, ...limits } = preparation;
  const { config, identity } = init;
  const { application, exported } = await loadWithModule(config.app ?? "", { cwd: config.chdir });
  const adapted = await adapt(application, config.interface, {
    log,
    multiprocess: config.workers > 1,
    multithread: kind.inThreads === true,
    asgi: asgiSettings(config),
    software: init.software,
    headers: config,
  });
  const life = lifeOf(application, exported);
  // The others of this generation boot when this one is ready.
  if (config.preloadApp) flushCompileCache();
  await hooks.postWorkerInit();
  await startUp(adapted, life);
  await hooks.ready();
  const { handle: app, upgrades } = adapted;
  const watched = pulse.track(createPipeline({ app, config, log, access, hooks: hooks.request, ...limits }));
  // Probes are no requests of the application's: nobody counts them.
  const pipeline = answeringProbes(counting?.track(watched) ?? watched, config.healthPath, leave);
  const closers = [adapted.shutdown, ...life.shutdown].filter((close) => close !== undefined);
  return async () => {
    const { sslContext } = hooks;
    const context = {
      config,
      identity,
      listeners,
      log,
      upgrades,
      tls: tls && tlsSource(tls, sslContext),
      connections: counting?.connections,
      ...pipeline,
    };
    const serving = await kind.serve(context);
    if (closers.length === 0) return serving;
    return closingAfterwards(serving, {
      close: () => inTurn(closers),
      most: config.gracefulTimeout * 1_000,
      log,
    });
  };
}

/** Throws what the application throws on its start, and APP_FAILED with the place of what is no error of ours. */
async function startUp(adapted: Adapted, life: Life): Promise<void> {
  try {
    for (const start of life.startup) await start();
    await adapted.startup?.();
  } catch (error) {
    if (error instanceof ServerError) throw error;
    const { describeFailure } = await import("../interfaces/loader/failure.ts");
    throw serverError(
      "APP_FAILED",
      { what: await describeFailure(error, "The application's startup failed") },
      error,
    );
  }
}

/** Calls all of them, also where one fails, and rejects with the first failure. */
async function inTurn(closers: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers) {
    try {
      await close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

function asgiSettings(config: Config): AsgiSettings {
  return {
    lifespan: config.asgiLifespan,
    patience: config.gracefulTimeout * 500,
    maxSize: config.wsMaxSize,
    pingInterval: config.wsPingInterval * 1_000,
    pingTimeout: config.wsPingTimeout * 1_000,
  };
}
