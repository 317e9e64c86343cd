import { bool, seconds } from "../codec.ts";
import { setting } from "../setting.ts";

export const timeouts = {
  requestTimeout: setting(seconds(), {
    default: 0,
    flags: ["--request-timeout"],
    takes: "new workers",
    summary: "Seconds the application may take to answer a request; 0 is for ever.",
    details: `When they have passed, the request's signal aborts, and the client gets 504, or, where the answer had begun, a
closed connection. The worker serves on. See [timeouts](timeouts.md).`,
  }),
  slowRequest: setting(seconds(), {
    default: 0,
    flags: ["--slow-request"],
    takes: "new workers",
    summary: "Seconds after which a request in flight is shown in the error log as slow; 0 is never.",
    details: "Where the event loop is blocked, with the JavaScript stack that blocks it.",
  }),
  watchdog: setting(bool(), {
    default: true,
    flags: ["--watchdog", "--no-watchdog"],
    takes: "new workers",
    summary: "A thread in each worker tells what a stuck worker was doing before it is killed.",
    details: `It writes the requests in flight and the JavaScript stack to the error log, and ends a stuck worker whose
arbiter has died. \`--no-watchdog\` saves its memory, about 10 MB for each worker.`,
  }),
} as const;
