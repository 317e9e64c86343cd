// Pieces of an answer that go nowhere: whoever asks to be told of them is told so, as by node.

const MESSAGES = {
  ERR_STREAM_WRITE_AFTER_END: "write after end",
  ERR_STREAM_DESTROYED: "Cannot call write after a stream was destroyed",
} as const;

/** Calls, in a later turn, the callback that is among the arguments of a write() or an end(). */
export function tellLeftOut(code: keyof typeof MESSAGES, ...args: readonly unknown[]): void {
  const callback = args.find((arg) => typeof arg === "function");
  if (typeof callback !== "function") return;
  process.nextTick(callback, Object.assign(new Error(MESSAGES[code]), { code }));
}
