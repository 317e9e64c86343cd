// The JavaScript stack of a serving thread, taken from the process's main thread through the inspector.
// https://nodejs.org/docs/latest-v20.x/api/inspector.html#inspector-events ; the domain is Node's own:
// https://github.com/nodejs/node/blob/v20.x/src/inspector/node_protocol.pdl ("NodeWorker")

import inspector from "node:inspector";
import type { Stack } from "../report.ts";
import { type CallFrame, readableFrames, type Scripts } from "../watchdog/frames.ts";
import { systemCall } from "../watchdog/system-call.ts";

/**
 * Resolves within `patience` milliseconds, however the thread is stuck. `id` is Node's number of the thread, `task` the system's where
 * that is known.
 */
export async function captureThreadStack(id: number, task: number | null, patience: number): Promise<Stack> {
  const session = new inspector.Session();
  const asked = performance.now();
  session.connect();
  const scripts: Scripts = new Map();
  try {
    const frames = await pause(session, id, scripts, patience);
    if (frames === null) return { type: "native", doing: systemCall(task) };
    return { type: "frames", frames: readableFrames(frames, scripts, asked) };
  } catch (error) {
    session.disconnect();
    return { type: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
}

/** The numbers of the requests, by which the answers are known. */
const [ENABLE, PAUSE, RESUME, DISABLE] = [1, 2, 3, 4];

/**
 * Null where the thread does not answer in time: native code answers when it returns. It is not asked to pause before it
 * has answered at all, and the session lives until it has left its debugger: Node can't terminate a thread that stands
 * in there (it waits for ever), and aborts where that comes at the wrong moment.
 */
function pause(
  session: inspector.Session,
  id: number,
  scripts: Scripts,
  patience: number,
): Promise<readonly CallFrame[] | null> {
  return new Promise((resolve, reject) => {
    let stage: "asked" | "pausing" | "leaving" = "asked";
    let late = false;
    let frames: readonly CallFrame[] | null = null;
    let timer = setTimeout(() => {
      late = true;
      if (stage === "asked") return resolve(null);
      // It is on its way into its debugger, or out of it.
      timer = setTimeout(() => resolve(frames), patience / 2);
    }, patience);

    let thread = "";
    const ask = (number: number, method: string): void => {
      const message = JSON.stringify({ id: number, method });
      session.post("NodeWorker.sendMessageToWorker", { sessionId: thread, message }, (error) => {
        if (error !== null) reject(error);
      });
    };
    const leave = (): void => {
      stage = "leaving";
      ask(RESUME, "Debugger.resume");
      ask(DISABLE, "Debugger.disable");
    };
    const hear = (message: unknown): void => {
      if (isScriptParsed(message)) {
        scripts.set(message.params.scriptId, message.params.url);
      } else if (isPaused(message)) {
        frames = message.params.callFrames;
        leave();
      } else if (isAnswer(message, ENABLE)) {
        if (late) return leave();
        stage = "pausing";
        ask(PAUSE, "Debugger.pause");
      } else if (isAnswer(message, DISABLE)) {
        clearTimeout(timer);
        session.disconnect();
        resolve(frames);
      }
    };

    session.on("NodeWorker.attachedToWorker", ({ params }) => {
      // Its `workerId` is a number of the inspector's own.
      if (!params.workerInfo.title.startsWith(`[worker ${id}]`)) return;
      thread = params.sessionId;
      ask(ENABLE, "Debugger.enable");
    });
    session.on("NodeWorker.receivedMessageFromWorker", ({ params }) => {
      if (params.sessionId === thread) hear(JSON.parse(params.message));
    });
    session.post("NodeWorker.enable", { waitForDebuggerOnStart: false }, (error) => {
      if (error !== null) reject(error);
    });
  });
}

interface Event<Params> {
  readonly params: Params;
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const paramsOf = (message: unknown, method: string): object | undefined =>
  isObject(message) &&
  "method" in message &&
  message.method === method &&
  "params" in message &&
  isObject(message.params)
    ? message.params
    : undefined;

function isPaused(message: unknown): message is Event<{ readonly callFrames: readonly CallFrame[] }> {
  const params = paramsOf(message, "Debugger.paused");
  return params !== undefined && "callFrames" in params && Array.isArray(params.callFrames);
}

function isScriptParsed(
  message: unknown,
): message is Event<{ readonly scriptId: string; readonly url: string }> {
  const params = paramsOf(message, "Debugger.scriptParsed");
  return params !== undefined && "scriptId" in params && "url" in params;
}

const isAnswer = (message: unknown, number: number): boolean =>
  isObject(message) && "id" in message && message.id === number;
