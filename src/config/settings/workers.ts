import { bool, int, oneOf, seconds, string } from "../codec.ts";
import { workerCount } from "../parallelism.ts";
import { setting } from "../setting.ts";

export const workers = {
  workers: setting(workerCount(), {
    default: 1,
    flags: ["--workers", "-w"],
    environment: { name: "WEB_CONCURRENCY" },
    takes: "at once",
    summary: "The number of worker processes; `auto` is one for each CPU.",
    details: `\`auto\` honours the CPU limits of control groups, so of containers. With 0 nothing is served until
the signal TTIN adds a worker.`,
  }),
  workerClass: setting(string({ metavar: "CLASS", expected: "the name of a kind of worker or a path" }), {
    default: "sync",
    flags: ["--worker-class", "-k"],
    takes: "new workers",
    summary: "The kind of worker: `sync`, `threaded`, `eventloop`, or the path of your own.",
    details: `- \`sync\`: one request at a time in each process, without keep-alive.
- \`threaded\`: one request at a time in each of a process's \`threads\`; \`gthread\` is the same.
- \`eventloop\`: many requests at once in each process.
- \`./my-worker.ts\`: a module of yours.`,
  }),
  threads: setting(int({ min: 1, max: 1024 }), {
    default: 1,
    flags: ["--threads"],
    takes: "new workers",
    summary: "The number of threads in each threaded worker, with the application loaded in each.",
    details:
      "More than one makes the workers `threaded` where they would be `sync`. See [workers](workers.md).",
  }),
  workerConnections: setting(int({ min: 0 }), {
    default: 1000,
    flags: ["--worker-connections"],
    takes: "new workers",
    summary: "The number of connections an eventloop or threaded worker has open at most; 0 is no limit.",
    details: `Those beyond it wait in the kernel for this worker or another. The threads of a threaded worker have equal parts
of it, and each at least one. The limit of open files (\`ulimit -n\`, systemd's \`LimitNOFILE=\`) has to be above it, with room for what the
application opens: to a worker that has no file left clients come in vain, and the server warns at its start.`,
  }),
  maxRequests: setting(int({ min: 0 }), {
    default: 0,
    flags: ["--max-requests"],
    takes: "new workers",
    summary: "The number of requests after which a worker is replaced; 0 is never.",
  }),
  maxRequestsJitter: setting(int({ min: 0 }), {
    default: 0,
    flags: ["--max-requests-jitter"],
    takes: "new workers",
    summary: "At most this many requests, drawn at random for each worker, are added to maxRequests.",
    details: "So that not all workers are replaced at the same time.",
  }),
  timeout: setting(seconds(), {
    default: 30,
    flags: ["--timeout", "-t"],
    takes: "new workers",
    summary: "Seconds a worker may be silent before it is killed and replaced; 0 is for ever.",
    details:
      "A worker is silent while its event loop is blocked: by a computation, a regular expression, synchronous input.",
  }),
  bootTimeout: setting(seconds(), {
    default: 60,
    flags: ["--boot-timeout"],
    takes: "at once",
    summary: "Seconds a worker may take to load the application, and onStarting to be done; 0 is for ever.",
  }),
  gracefulTimeout: setting(seconds(), {
    default: 30,
    flags: ["--graceful-timeout"],
    takes: "at once",
    summary: "Seconds a worker has to finish its requests on a stop or a reload.",
    details:
      "A changed one holds for the next stop at once. A worker that a reload sends away has the time that it was started with.",
  }),
  drainDelay: setting(seconds(), {
    default: 0,
    flags: ["--drain-delay"],
    takes: "at once",
    summary: "Seconds a server that was told to stop (TERM) serves on before it drains.",
    details:
      "For load balancers and Kubernetes, which go on sending requests until they have noticed that the server stops.",
  }),
  preloadApp: setting(bool(), {
    default: false,
    flags: ["--preload"],
    takes: "at once",
    summary: "One worker loads the application first; the others follow when it is ready.",
    details: `So that a broken application fails once, and before anything is replaced, and the rest find a warm compile
cache. Node can't share a loaded application between processes as fork(2) does, so this saves no memory.`,
  }),
  reloadMode: setting(oneOf(["rolling", "all"]), {
    default: "rolling",
    flags: ["--reload-mode"],
    takes: "at once",
    summary: "How a reload replaces the workers: a few at a time, or all at once.",
    details:
      "Either way a new worker serves before an old one leaves. `all` needs memory for twice the workers.",
  }),
  maxSurge: setting(int({ min: 1 }), {
    default: 1,
    flags: ["--max-surge"],
    takes: "at once",
    summary: "The number of workers there may be above `workers` during a rolling reload.",
  }),
} as const;
