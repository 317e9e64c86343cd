// Servers that are stopped: with idle connections, and because a new one has taken over.

import net from "node:net";
import type { Undo } from "../../test/process/server.ts";
import type { Target } from "../load/client.ts";
import { latencies, phaseOf } from "../load/tally.ts";
import { type Combination, openBed, type Report } from "./bed.ts";

/** A connection that has had one answer and asks for no more; `closed` resolves when the server has closed it. */
async function idleConnection(t: Undo, target: Target): Promise<{ readonly closed: Promise<void> }> {
  const socket = net.connect({ ...target });
  t.after(() => socket.destroy());
  socket.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.write("GET / HTTP/1.1\r\nHost: storm\r\n\r\n");
  await Promise.race([new Promise((resolve) => socket.once("data", resolve)), closed]);
  return { closed };
}

/** TERM with idle keep-alive connections: the server is gone in under `most` milliseconds. */
export async function termIdle(
  t: Undo,
  combination: Combination,
  count = 500,
  most = 1_000,
): Promise<Report> {
  const bed = await openBed(t, combination, { settings: "keepalive: 60," });
  const { server } = bed;
  const idle = await Promise.all(Array.from({ length: count }, () => idleConnection(t, bed.target)));
  const at = performance.now();
  server.signal("SIGTERM");
  await server.exited;
  const took = performance.now() - at;
  await Promise.all(idle.map(({ closed }) => closed));
  await server.stop();
  return {
    tallies: [],
    failures: took >= most ? [`it took ${took.toFixed(0)} ms`] : [],
    notes: `${count} idle connections, gone after ${took.toFixed(0)} ms`,
  };
}

/** TERM under load: whoever had a connection gets an answer; only new connections are refused. */
export async function term(t: Undo, combination: Combination): Promise<Report> {
  const bed = await openBed(t, combination);
  // Each connection sends its next request as soon as it has an answer, so that many are under way at the signal.
  const load = bed.load({ connections: 32 });
  await load.outcomes(500);
  bed.server.signal("SIGTERM");
  await bed.server.exited;
  const tally = await load.stop();
  await bed.server.stop();
  const { refused } = tally.outcomes;
  return {
    tallies: [{ ...tally, outcomes: { ...tally.outcomes, refused: 0 } }],
    failures: [],
    notes: `${refused} refused after the end`,
  };
}

/** USR2, then TERM to the old arbiter once the new one serves, over and over. */
export async function upgrade(t: Undo, combination: Combination, times = 10): Promise<Report> {
  const workers = 2;
  const bed = await openBed(t, combination, { workers, expected: [/./], args: ["-p", "server.pid"] });
  const { server } = bed;
  const load = bed.load({ rate: 200 });
  await load.outcomes(200);
  let arbiter = server.pid;
  for (let i = 0; i < times; i++) {
    server.signal("SIGUSR2", arbiter);
    const [, next = ""] = await server.saw(/Upgrade: arbiter pid=(\d+) is started/, i + 1);
    await server.saw(/Ready worker=/, workers * (i + 2));
    await load.outcomes(100);
    server.signal("SIGTERM", arbiter);
    await server.saw(/Promoted/, i + 1);
    await load.outcomes(100);
    arbiter = Number(next);
  }
  const tally = await load.stop();
  server.signal("SIGTERM", arbiter);
  await server.exited;
  return {
    tallies: [tally],
    failures: [],
    notes: `${times} upgrades, ${latencies(phaseOf(tally, "all"))}`,
  };
}
