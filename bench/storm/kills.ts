// Processes that are killed, stopped or stuck.

import { ended, type Undo } from "../../test/process/server.ts";
import type { Load } from "../load/client.ts";
import { latencies, phaseOf, type Tally } from "../load/tally.ts";
import { type Bed, type Combination, openBed, pause, type Report } from "./bed.ts";

/** Losses that nobody could have prevented: what a killed worker had in its hands. */
function excuse(
  tally: Tally,
  killed: ReadonlyMap<string, number>,
  after = 1_000,
): { excused: number; failures: string[] } {
  const failures: string[] = [];
  let excused = 0;
  for (const loss of tally.losses) {
    const { outcome, pid, at } = loss;
    const cut = outcome === "reset" || outcome === "cut" || outcome === "unanswered";
    // Whose connection a first request went to is not known: then the moment has to do.
    const kill =
      pid === undefined
        ? [...killed.values()].find((when) => at >= when && at < when + after)
        : killed.get(pid);
    if (!cut || kill === undefined) failures.push(`${outcome} pid=${pid ?? "?"}: ${loss.detail}`);
    else excused++;
  }
  return { excused, failures: failures.slice(0, 5) };
}

/** The tally without what is excused, so that only real losses count. */
function forgive(tally: Tally): Tally {
  return { ...tally, outcomes: { ...tally.outcomes, reset: 0, cut: 0, unanswered: 0 } };
}

/** A worker that is killed younger than this is replaced with back-off, in milliseconds: src/arbiter/backoff.ts. */
const YOUNG = 5_000;

/** SIGKILL of random workers that have served for a while; each is replaced at once. */
export async function kill(t: Undo, combination: Combination, times = 20, young = YOUNG): Promise<Report> {
  const workers = 3;
  const bed = await openBed(t, combination, { workers, expected: [/Worker died: .* SIGKILL/] });
  const { server } = bed;
  const load = bed.load({ rate: 300 });
  const since = new Map(server.workerPids().map((pid) => [pid, performance.now()]));
  const killed = new Map<string, number>();
  let slowest = 0;
  for (let i = 0; i < times; i++) {
    await load.outcomes(100);
    const old = [...since].filter(([, at]) => performance.now() - at > young);
    const [victim] = old[Math.floor(Math.random() * old.length)] ?? [];
    if (victim === undefined) {
      i--;
      continue;
    }
    since.delete(victim);
    const at = performance.now();
    killed.set(String(victim), at);
    server.signal("SIGKILL", victim);
    const [, next] = await server.saw(/Ready worker=\d+ gen=\d+ pid=(\d+)/, workers + i + 1);
    since.set(Number(next), performance.now());
    slowest = Math.max(slowest, performance.now() - at);
  }
  await load.outcomes(100);
  const tally = await load.stop();
  await server.stop();
  const { excused, failures } = excuse(tally, killed);
  return {
    tallies: [forgive(tally)],
    failures,
    notes: `${killed.size} kills, ${excused} requests in flight on the killed were lost, a new worker was ready after ${slowest.toFixed(0)} ms at the most`,
  };
}

/** SIGKILL of the arbiter: workers finish what they have and leave. */
export async function killArbiter(t: Undo, combination: Combination): Promise<Report> {
  const bed = await openBed(t, combination, { args: ["--graceful-timeout", "5"] });
  const { server } = bed;
  const load = bed.load({ rate: 200 });
  await load.outcomes(200);
  const workers = server.workerPids();
  const at = performance.now();
  server.signal("SIGKILL");
  for (const pid of workers) await ended(pid);
  const took = performance.now() - at;
  const tally = await load.stop();
  const { refused } = tally.outcomes;
  return {
    tallies: [{ ...tally, outcomes: { ...tally.outcomes, refused: 0 } }],
    failures: took > 6_000 ? ["workers lived on"] : [],
    notes: `gone after ${took.toFixed(0)} ms, ${refused} refused after that`,
  };
}

/** SIGSTOP and SIGCONT of the arbiter, of each worker, and of all: nobody is killed for it. */
export async function stopCont(t: Undo, combination: Combination, seconds = 3): Promise<Report> {
  // The timeout is longer than a worker is stopped, and much shorter than the arbiter is.
  const timeout = seconds + 1;
  const bed = await openBed(t, combination, { args: ["-t", String(timeout)] });
  const { server } = bed;
  const load = bed.load({ rate: 200 });
  await load.outcomes(200);
  const workers = server.workerPids();
  const halt = async (pids: readonly number[], milliseconds: number): Promise<void> => {
    for (const pid of pids) server.signal("SIGSTOP", pid);
    await pause(milliseconds);
    for (const pid of pids) server.signal("SIGCONT", pid);
    await load.outcomes(200);
  };
  await halt([server.pid], (timeout + 2) * 1_000);
  for (const pid of workers) await halt([pid], seconds * 1_000);
  await halt([server.pid, ...workers], (timeout + 2) * 1_000);
  server.signal("SIGHUP");
  await halt([server.pid], (timeout + 2) * 1_000);
  await server.saw(/Reload complete/);
  const tally = await load.stop();
  await server.stop();
  const unjust = server.count(/WORKER TIMEOUT|Killing|Worker died/);
  const failures = unjust > 0 ? [`${unjust} workers were killed`] : [];
  return { tallies: [tally], failures, notes: "" };
}

/** `while(true)` in one of four workers: it is killed in time, the others do not notice. */
export async function stuck(t: Undo, combination: Combination): Promise<Report> {
  const timeout = 2;
  const bed = await openBed(t, combination, {
    workers: 4,
    args: ["-t", String(timeout)],
    expected: [/./],
  });
  const { server } = bed;
  const others: Load = bed.load({ rate: 200, connections: 32 });
  await others.outcomes(200);
  others.phase("usual");
  await others.outcomes(800);
  const at = performance.now();
  sticks(bed);
  others.phase("stuck");
  const [, victim = ""] = await server.saw(/(?:WORKER TIMEOUT|Thread stuck).*?pid=(\d+)/);
  // A stuck thread is ended by itself; its process then finishes what the other threads have.
  if (combination.kind !== "threaded") await server.saw(/Worker (died|left|exited): worker=/);
  const took = (performance.now() - at) / 1_000;
  others.phase("after");
  await others.outcomes(200);
  const tally = await others.stop();
  await server.stop();
  const [usual, during] = [phaseOf(tally, "usual"), phaseOf(tally, "stuck")];
  const { excused, failures } = excuse(tally, new Map([[victim, at]]), took * 1_000 + 1_000);
  if (during.quantile(0.99) > 2 * usual.quantile(0.99))
    failures.push("the others' p99 is more than twice the usual");
  if (took > timeout + 2) failures.push(`it took ${took.toFixed(1)} s to end the stuck worker`);
  return {
    tallies: [forgive(tally)],
    failures,
    notes: `stuck worker ended after ${took.toFixed(1)} s with ${excused} requests; usual ${latencies(usual)}, meanwhile ${latencies(during)}`,
  };
}

/** Sends the request that never ends. */
function sticks(bed: Bed): void {
  const requests = [{ method: "GET", path: "/stuck", body: 0, answer: null }];
  const load = bed.load({ connections: 1, keepAlive: false, pipeline: 1, requests });
  // Its one request is lost with the worker.
  void load.outcomes(1).then(() => load.stop());
}
