// What users import from "tgunicorn/workers" to write a kind of worker: see docs/workers.md.
export type { Identity, IdlePolicy, ListenerSpec } from "./ipc/messages.ts";
export type { Engine, EngineOptions } from "./protocols/engine.ts";
export type { Exchange, Handler } from "./protocols/exchange.ts";
export { createFront, type Front } from "./protocols/front.ts";
export { createHttp1 } from "./protocols/http1/server.ts";
export type { Serving, WorkerContext, WorkerKind } from "./workers/contract.ts";
export { type Gates, openGates } from "./workers/gates.ts";
