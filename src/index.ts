// What users import.
export type { Address, Config, InterfaceName, LogLevel } from "./config/config.ts";
export { type ConfigContext, type ConfigFunction, defineConfig } from "./config/define.ts";
export type { HookLog, RequestInfo, ResponseInfo, ServerInfo, WorkerInfo } from "./config/hook-arguments.ts";
export type { Hooks } from "./config/hooks.ts";
export type { AccessEntry, LeveledLogger, LogEntry } from "./config/logger.ts";
export type { UserConfig } from "./config/user-config.ts";
export {
  type AsgiApplication,
  type AsgiGivenHeaders,
  type AsgiHeaders,
  asgi,
  type HttpScope,
  type LifespanScope,
  type Receive,
  type ReceiveEvent,
  type Scope,
  type Send,
  type SendEvent,
  type WebSocketScope,
} from "./interfaces/asgi.ts";
export { extendDeadline } from "./interfaces/deadline.ts";
export type { FetchApplication, FetchEnv } from "./interfaces/fetch.ts";
export type { NodeApplication } from "./interfaces/node.ts";
export {
  type Environ,
  type StartResponse,
  type Write,
  type WsgiApplication,
  type WsgiBody,
  wsgi,
} from "./interfaces/wsgi.ts";
export type { Identity, IdlePolicy, ListenerSpec } from "./ipc/messages.ts";
export type { Connection, Endpoint, Exchange, Handler } from "./protocols/exchange.ts";
export type { Serving, WorkerContext, WorkerKind } from "./workers/contract.ts";
