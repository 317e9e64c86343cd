// The entry of every worker process. It catches signals and messages before anything slow is imported.

import cluster from "node:cluster";
import { workerChannel } from "../ipc/channel.ts";
import { createInbox } from "./inbox.ts";

const inbox = createInbox();

for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT", "SIGUSR1"] as const) {
  process.on(signal, () => inbox.put({ type: "signal", signal }));
}
// These are for the arbiter: a worker that gets them with its whole process group lives on.
for (const signal of ["SIGHUP", "SIGUSR2", "SIGWINCH", "SIGTTIN", "SIGTTOU"] as const) {
  process.on(signal, () => undefined);
}

// Otherwise node:cluster ends this process, with whatever it is answering, the moment the arbiter dies.
if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;

const channel = workerChannel(process);
channel.onMessage((message) => inbox.put(message));
channel.onEnd(() => inbox.put({ type: "orphaned" }));
void channel.send({ type: "hello" });

const { runWorker } = await import("./worker.ts");
runWorker(inbox, channel);
