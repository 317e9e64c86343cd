// What systemd is told about the server, by what the arbiter knows. Pure.
// https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html

import type { Moment } from "../metrics/figures.ts";
import type { ArbiterState } from "../state.ts";

export interface Standing {
  readonly word:
    | "starting"
    | "ready"
    | "reloading"
    | "stopping"
    /** It stops, and the arbiter `mainPid` serves on. */
    | "handing over"
    /** Another arbiter speaks for the service. */
    | "silent";
  readonly mainPid: number | null;
  /** One line for people. */
  readonly status: string;
}

export function standingOf(state: ArbiterState): Standing {
  const { phase, rollout, upgrade, elder, target, generation, workers } = state;
  if (elder !== null) return { word: "silent", mainPid: null, status: "" };
  const counted = (name: string): number => workers.filter((worker) => worker.phase.name === name).length;
  const serving = counted("serving");
  const fleet = `${serving} of ${target} workers serve, generation ${generation}`;
  if (phase.name === "announcing" || phase.name === "stopping" || phase.name === "stopped") {
    const left =
      phase.name === "announcing" ? `${serving} workers serve on` : `${workers.length} workers left`;
    if (upgrade?.name === "running")
      return { word: "handing over", mainPid: upgrade.pid, status: `Handing over: ${left}` };
    return { word: "stopping", mainPid: null, status: `Stopping: ${left}` };
  }
  if (phase.name === "starting") return { word: "starting", mainPid: null, status: `Starting: ${fleet}` };
  if (rollout === null) return { word: "ready", mainPid: null, status: fleet };
  const fresh =
    rollout.name === "loading"
      ? "reading the configuration"
      : `${workers.filter((one) => one.generation === rollout.generation && one.phase.name === "serving").length} of ${target} workers are new`;
  return { word: "reloading", mainPid: null, status: `Reloading: ${fresh}` };
}

/** The assignments that tell of the change; none where nothing but the status has changed. `now` is CLOCK_MONOTONIC in microseconds. */
export function announcement(
  before: Standing,
  { word, mainPid }: Standing,
  pid: number,
  now: bigint,
): string[] {
  if (before.word === word) return [];
  switch (word) {
    case "ready":
      // After an upgrade it is this process that counts.
      return before.word === "silent" ? ["READY=1", `MAINPID=${pid}`] : ["READY=1"];
    case "reloading":
      return ["RELOADING=1", `MONOTONIC_USEC=${now}`];
    case "stopping":
      return ["STOPPING=1"];
    case "handing over":
      return mainPid === null ? [] : [`MAINPID=${mainPid}`];
    default:
      return [];
  }
}

/** What the fleet does, to be added to the status; empty where nothing is counted. */
export function activity(moment: Pick<Moment, "perSecond" | "p99" | "inFlight"> | undefined): string {
  if (moment === undefined) return "";
  const { perSecond, p99, inFlight } = moment;
  const rate = `${perSecond < 10 ? Math.round(perSecond * 10) / 10 : Math.round(perSecond)} requests/s`;
  const slowest = p99 === null ? "" : `, p99 ${p99 < 10 ? Math.round(p99 * 10) / 10 : Math.round(p99)} ms`;
  return `; ${rate}${slowest}, ${inFlight} in flight`;
}
