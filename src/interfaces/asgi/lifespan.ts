// The lifespan: the application is told of its start and its end. One for each event loop.
// https://asgi.readthedocs.io/en/latest/specs/lifespan.html

import { inspect } from "node:util";
import { serverError } from "../../errors.ts";
import type { LifespanScope, ReceiveEvent, SendEvent } from "../asgi.ts";
import type { Callable } from "../detect.ts";

export type LifespanMode = "auto" | "on" | "off";

export interface LifespanOptions {
  /** `auto`: an application that knows no lifespan goes on without. `on`: it does not start. `off`: it is not asked. */
  readonly mode: LifespanMode;
  readonly log: {
    debug(message: string): void;
    warning(message: string): void;
    error(message: string): void;
  };
}

export interface Lifespan {
  /** What the application has put in; undefined where it has no lifespan. */
  readonly state: Record<string, unknown> | undefined;
  /** Resolves when the application has started. Throws APP_FAILED where it says that it can't. */
  startup(): Promise<void>;
  /** Resolves when the application has ended what it has. */
  shutdown(): Promise<void>;
}

/** `none`: before the start, after the end, and where the application has none. */
type Phase = "none" | "starting" | "started" | "ending";

const ASGI = { version: "3.0", spec_version: "2.0" } as const;

export function createLifespan(app: Callable, { mode, log }: LifespanOptions): Lifespan {
  const state: Record<string, unknown> = {};
  const started = deferred<void>();
  const asked = deferred<void>();
  const ended = deferred<void>();
  let phase: Phase = "none";
  let hasState = false;
  let received = 0;

  const receive = async (): Promise<ReceiveEvent> => {
    received++;
    if (received === 1) return { type: "lifespan.startup" };
    await asked.promise;
    return { type: "lifespan.shutdown" };
  };

  const send = async (event: SendEvent): Promise<void> => {
    switch (event.type) {
      case "lifespan.startup.complete":
      case "lifespan.startup.failed":
        if (phase !== "starting") throw new Error(`send(): ${event.type} is out of place: the start is over`);
        if (event.type === "lifespan.startup.complete") {
          phase = "started";
          hasState = true;
          return started.resolve();
        }
        phase = "none";
        return started.reject(failed(messageOf(event)));
      case "lifespan.shutdown.complete":
      case "lifespan.shutdown.failed":
        if (phase !== "ending") throw new Error(`send(): ${event.type} is out of place: nobody asked for it`);
        if (event.type === "lifespan.shutdown.failed") {
          log.error(`The application's lifespan.shutdown failed: ${messageOf(event)}`);
          // Many throw what they have told.
          phase = "none";
        }
        return ended.resolve();
      default:
        throw new Error(`send(): a lifespan has no message ${inspect(event.type)}`);
    }
  };

  /** The application has returned, or thrown `error`. */
  const over = (error: unknown): void => {
    ended.resolve();
    if (phase === "started" || phase === "ending") {
      const what = phase === "started" ? "lifespan" : "lifespan.shutdown";
      phase = "none";
      if (error !== undefined) log.error(`The application's ${what} failed: ${inspect(error)}`);
    }
    if (phase !== "starting") return;
    phase = "none";
    const why = error === undefined ? "it returned without lifespan.startup.complete" : inspect(error);
    if (mode === "on") return started.reject(failed(why));
    // Who does not know the scope throws at once; who has asked for its messages does.
    if (received > 0 && error !== undefined)
      log.warning(`The application's lifespan failed at the start, it serves without: ${why}`);
    else log.debug(`The application has no lifespan: ${why}`);
    started.resolve();
  };

  const run = async (): Promise<void> => {
    const scope: LifespanScope = { type: "lifespan", asgi: ASGI, state };
    await app(scope, receive, send);
  };

  return {
    get state() {
      return hasState ? state : undefined;
    },
    async startup() {
      if (mode === "off") return;
      phase = "starting";
      run().then(
        () => over(undefined),
        (error: unknown) => over(error ?? new Error("it threw nothing")),
      );
      await started.promise;
    },
    async shutdown() {
      if (phase !== "started") return;
      phase = "ending";
      asked.resolve();
      await ended.promise;
    },
  };
}

const messageOf = (event: SendEvent): string =>
  "message" in event && event.message !== undefined ? String(event.message) : "it gave no message";

const failed = (why: string): Error =>
  serverError("APP_FAILED", { what: `The application's lifespan.startup failed: ${why}` });

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: Error) => void;
}

function deferred<Value>(): Deferred<Value> {
  let resolve: (value: Value) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
