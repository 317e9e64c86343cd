// Every worker with all that is known of it: by the arbiter, by its watchdog, by the system, by what it counts.

import { usage } from "../../os/usage.ts";
import type { WorkerFigures } from "../metrics/figures.ts";
import type { WorkerState } from "../state.ts";
import type { Helm } from "./helm.ts";
import { workerView } from "./view.ts";

type Seen = Omit<Helm, "stopped">;

/** What a watchdog may take to answer, in milliseconds. */
const GLANCE = 300;

/** `most` requests are shown of each. */
export async function workerViews(helm: Seen, most: number): Promise<readonly object[]> {
  const figures = helm.metering.figures()?.workers();
  return await Promise.all(
    helm.state().workers.map((worker) => view(helm, worker, figures?.get(worker.id), most)),
  );
}

export async function workerWith(helm: Seen, worker: WorkerState, most: number): Promise<object> {
  return await view(helm, worker, helm.metering.figures()?.workers().get(worker.id), most);
}

/** `requests` is null where no watchdog tells of them, `figures` where nothing is counted. */
async function view(
  helm: Seen,
  worker: WorkerState,
  figures: WorkerFigures | undefined,
  most: number,
): Promise<object> {
  const loops = await helm.peek(worker.id, "requests", GLANCE);
  const known = { ...workerView(worker, helm.now()), ...usage(worker.pid), figures: figures ?? null };
  if (loops === null) return { ...known, requests: null };
  const longest = loops.flatMap(({ requests }) => requests).sort((a, b) => b.age - a.age);
  const count = loops.reduce((sum, loop) => sum + loop.count, 0);
  return { ...known, requests: { count, longest: longest.slice(0, most) } };
}
