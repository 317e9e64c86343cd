// What the main thread of a worker process and its serving threads say to each other.

import type { TlsMaterial } from "../../config/tls-material.ts";
import type { IdlePolicy, Init, ListenerSpec, ToArbiter } from "../../ipc/messages.ts";
import type { OutletName } from "../logs.ts";

/** What a thread starts with. */
export interface ThreadStart {
  readonly init: Init;
  /** From 1. */
  readonly thread: number;
  /** With this thread's own descriptors. */
  readonly listeners: readonly ListenerSpec[];
  /** The log's level: see log/level.ts. */
  readonly level: SharedArrayBuffer;
  /** Whether the server stops: see workers/leave.ts. */
  readonly leave: SharedArrayBuffer;
  /** Requests of all threads, for `maxRequests`: one word. */
  readonly requests: SharedArrayBuffer;
  /** Where in the jitter of `maxRequests` this process is: from 0 to below 1, the same in each thread. */
  readonly jitter: number;
}

export type ToThread =
  /** All threads have loaded the application: open the gates. */
  | { readonly type: "serve" }
  | { readonly type: "tls"; readonly material: TlsMaterial }
  | { readonly type: "drain"; readonly idle: IdlePolicy }
  /** End at once. */
  | { readonly type: "stop" };

export type FromThread =
  /** The first of all: what the thread will leave in shared memory, and the system's number of it. */
  | { readonly type: "vitals"; readonly shared: SharedArrayBuffer; readonly task: number | null }
  | { readonly type: "loaded" }
  | { readonly type: "serving" }
  | { readonly type: "bootFailed"; readonly status: 3 | 4; readonly reason: string }
  | { readonly type: "retire"; readonly reason: string }
  | { readonly type: "lines"; readonly log: OutletName; readonly lines: readonly string[] }
  /** For the arbiter. */
  | { readonly type: "forward"; readonly message: ToArbiter }
  /** The thread ends, as it was told. Its exit follows. */
  | { readonly type: "done" }
  /** An exception that nobody caught; it is in the log. The exit follows. */
  | { readonly type: "crashed" };
