// What a user would write by hand: node:http in cluster workers that share the listening handle.
// or, with SCHED=rr, get each connection from the primary, as with PM2. usage: node bench/bare-cluster.mjs PORT [WORKERS] [APP.mjs]

import cluster from "node:cluster";
import http from "node:http";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [port = "8000", workers = "1", app = new URL("hello.mjs", import.meta.url).pathname] =
  process.argv.slice(2);

if (cluster.isPrimary) {
  cluster.schedulingPolicy = process.env.SCHED === "rr" ? cluster.SCHED_RR : cluster.SCHED_NONE;
  for (let i = 0; i < Number(workers); i++) cluster.fork();
  process.on("SIGTERM", () => process.exit(0));
} else {
  const { default: handler } = await import(pathToFileURL(resolve(app)).href);
  http.createServer(handler).listen(Number(port), "127.0.0.1", 2048);
}
