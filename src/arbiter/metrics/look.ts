// The figures just now, for whoever asks.

import type { Helm } from "../control/helm.ts";
import { type Samples, samplesOf } from "./samples.ts";

/** What a watchdog may take to say how many requests its worker has, in milliseconds. */
const GLANCE = 50;

type Seen = Pick<Helm, "metering" | "state" | "peek">;

/** The samples by their names; null where nothing is counted. */
export async function look(helm: Seen): Promise<Samples | null> {
  // A loop that is stuck has not written down what it is stuck in.
  const seen = await Promise.all(
    helm.state().workers.map(async ({ id }) => [id, await helm.peek(id, "count", GLANCE)] as const),
  );
  const busy = new Map(
    seen.flatMap(([id, loops]) =>
      loops === null ? [] : [[id, loops.reduce((sum, { count }) => sum + count, 0)]],
    ),
  );
  const sources = helm.metering.sources();
  return sources === null ? null : samplesOf({ ...sources, busy });
}
