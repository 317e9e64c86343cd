import { seconds } from "../codec.ts";
import { size } from "../codec-size.ts";
import { setting } from "../setting.ts";

export const recycling = {
  maxWorkerLifetime: setting(seconds(), {
    default: 0,
    flags: ["--max-worker-lifetime"],
    takes: "new workers",
    summary: "Seconds after which a worker is replaced; 0 is never.",
    details: "As with maxRequests, the replacement serves before the old worker drains.",
  }),
  maxWorkerLifetimeJitter: setting(seconds(), {
    default: 0,
    flags: ["--max-worker-lifetime-jitter"],
    takes: "new workers",
    summary: "At most this many seconds, drawn at random for each worker, are added to maxWorkerLifetime.",
  }),
  maxMemory: setting(size(), {
    default: 0,
    flags: ["--max-memory"],
    takes: "new workers",
    summary: "The resident memory above which a worker is replaced, such as `512M`; 0 is no limit.",
    details: `Looked at once a second. The worker serves on until its replacement is ready, and finishes what it has begun.
Units are powers of 1024: \`K\`, \`M\`, \`G\`.`,
  }),
  maxMemoryHard: setting(size(), {
    default: 0,
    flags: ["--max-memory-hard"],
    takes: "new workers",
    summary: "The resident memory above which a worker is killed at once and replaced; 0 is no limit.",
    details:
      "Requests in flight on it are lost, so set it well above maxMemory: it protects the machine and the other workers.",
  }),
} as const;
