// Whether the server is ready, by what the arbiter knows. Pure.

import type { Quorum } from "../config/quorum.ts";
import type { ArbiterState } from "./state.ts";

export interface Readiness {
  readonly ready: boolean;
  /** Why it is not; null where it is. */
  readonly reason: string | null;
  readonly serving: number;
  readonly wanted: number;
  /** So many have to serve. */
  readonly needed: number;
}

export function readiness(state: ArbiterState, quorum: Quorum): Readiness {
  const serving = state.workers.filter(({ phase }) => phase.name === "serving").length;
  const wanted = state.target;
  const share = quorum.endsWith("%") ? (Number.parseFloat(quorum) / 100) * wanted : Number(quorum);
  // Rounding may not ask for a worker more than 75 % of four are.
  const needed = Math.max(1, Math.min(wanted, Math.ceil(share - 1e-9)));
  const reason = reasonOf(state, serving, needed);
  return { ready: reason === null, reason, serving, wanted, needed };
}

function reasonOf({ phase, target }: ArbiterState, serving: number, needed: number): string | null {
  if (phase.name === "announcing" || phase.name === "stopping" || phase.name === "stopped") {
    return "the server stops";
  }
  if (target === 0) return "there are to be no workers";
  return serving < needed ? `${serving} worker(s) serve, ${needed} are needed` : null;
}
