// A worker kind in cluster workers, without the arbiter: measures the request path alone.
// usage: node bench/kind-cluster.mjs PORT KIND [WORKERS] [ACCESS_LOG]      (after `npm run build`, or with DIST)

import cluster from "node:cluster";
import { pathToFileURL } from "node:url";

const dist = process.env.DIST ?? new URL("../build/src", import.meta.url).pathname;
const load = (file) => import(pathToFileURL(`${dist}/${file}`).href);
const [port = "8000", kind = "eventloop", workers = "1", accessLog = ""] = process.argv.slice(2);

const config = {
  workerClass: kind,
  workerConnections: 1000,
  backlog: 2048,
  keepalive: 2,
  headerTimeout: 30,
  limitRequestLine: 4094,
  limitRequestFields: 100,
  limitRequestFieldSize: 8190,
  maxRequests: 0,
  maxRequestsJitter: 0,
  forwardedAllowIps: ["127.0.0.1", "::1"],
  secureSchemeHeaders: {
    "X-FORWARDED-PROTOCOL": "ssl",
    "X-FORWARDED-PROTO": "https",
    "X-FORWARDED-SSL": "on",
  },
};

if (cluster.isPrimary) {
  const { bindSocket } = await load("os/sockets.js");
  const address = { kind: "tcp", host: "127.0.0.1", port: Number(port) };
  const { fd } = await bindSocket(address, { backlog: config.backlog, umask: 0 });
  cluster.setupPrimary({ stdio: ["ignore", "inherit", "inherit", "ipc", fd] });
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  process.on("SIGTERM", () => process.exit(0));
} else {
  const { loadWorkerKind } = await load("workers/registry.js");
  const { createPipeline } = await load("workers/pipeline.js");
  const { default: app } = await import("./hello.mjs");
  const log = {
    debug() {},
    info() {},
    warning: console.error,
    error: console.error,
    exception: console.error,
  };
  const access =
    accessLog === ""
      ? null
      : (await load("log/access-log.js")).createAccessLog({
          target: accessLog,
          format: '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
        });
  const handler = (exchange) => {
    const { req, res } = exchange.node();
    return app(req, res);
  };
  const pipeline = createPipeline({
    app: handler,
    config,
    log,
    access,
    hooks: {},
    random: Math.random,
    retire() {},
  });
  const served = await loadWorkerKind(kind, process.cwd());
  const identity = { id: 1, slot: 1, generation: 1 };
  await served.serve({ config, identity, listeners: [{ fd: 4, url: "" }], log, ...pipeline });
}
