// Faults to plant in the compiled core, one at a time: each is a mistake somebody could make. `from` must occur exactly
// once in the file, so that a fault which no longer fits the code is noticed.

export interface Fault {
  readonly name: string;
  readonly file:
    | "step.js"
    | "stop.js"
    | "upgrade.js"
    | "reconcile.js"
    | "rollout.js"
    | "backoff.js"
    | "state.js";
  readonly from: string;
  readonly to: string;
}

const fault = (file: Fault["file"], name: string, from: string, to: string): Fault => ({
  name,
  file,
  from,
  to,
});

export const faults: readonly Fault[] = [
  // Deadlines
  fault(
    "reconcile.js",
    "a drain has no end",
    "draining(worker, now + worker.policy.gracefulTimeout)",
    "draining(worker, Number.POSITIVE_INFINITY)",
  ),
  fault(
    "reconcile.js",
    "SIGABRT is never followed by SIGKILL",
    ": killAt,\n            };",
    ": Number.POSITIVE_INFINITY,\n            };",
  ),
  fault(
    "reconcile.js",
    "no last words after SIGABRT",
    "const killAt = now + LAST_WORDS;",
    "const killAt = now;",
  ),
  fault("reconcile.js", "boot is not watched", ": now + policy.bootTimeout", ": Number.POSITIVE_INFINITY"),
  fault(
    "step.js",
    "a beat does not extend the deadline",
    'if (worker.phase.name === "serving" || worker.phase.name === "draining") {',
    'if (worker.phase.name === "draining") {',
  ),
  fault(
    "reconcile.js",
    "who is stuck while it drains is not noticed",
    '(phase.name === "serving" || phase.name === "draining") && phase.beatBy <= now',
    'phase.name === "serving" && phase.beatBy <= now',
  ),
  fault(
    "reconcile.js",
    "recycling doubles the fleet",
    "live.length + finishing(state) >= state.target + policy.maxSurge",
    "live.length >= state.target + policy.maxSurge",
  ),
  fault(
    "step.js",
    "a boot is judged by the heartbeat's rule",
    "return timeout === 0 ?",
    "return timeout !== 0 ?",
  ),
  // Memory
  fault("step.js", "who uses too much memory lives on", "|| rss <= most ||", "|| rss > 0 ||"),
  fault("step.js", "kills for memory without a limit", "most === 0 || rss <= most", "rss <= most"),
  fault("step.js", "kills who uses little memory", "|| rss <= most ||", "|| rss >= most ||"),
  fault(
    "step.js",
    "the killed for memory is not replaced",
    'worker.phase = { name: "killed" };\n    worker.ending ??= "memory";',
    'worker.phase = { name: "serving", beatBy: Number.POSITIVE_INFINITY };',
  ),
  fault(
    "step.js",
    "sleeps through the end of a drain",
    "at = Math.min(at, phase.killAt);",
    "at = Math.min(at, at);",
  ),
  fault("step.js", "sleeps for a minute", "const LONGEST_SLEEP = 1_000", "const LONGEST_SLEEP = 60_000"),
  fault(
    "step.js",
    "sleeps until a time gone by",
    "if (state.backoff.retryAt > now)",
    "if (state.backoff.retryAt > 0)",
  ),
  // Suspension
  fault("step.js", "a stall is not forgiven", "const late = now - state.steppedAt;", "const late = 0;"),
  fault(
    "step.js",
    "only the lateness of a stall is forgiven",
    "const late = now - state.steppedAt;",
    "const late = now - state.wakeAt;",
  ),
  fault(
    "step.js",
    "small stalls are not noticed",
    "const STALLED_AFTER = 200",
    "const STALLED_AFTER = 2_000",
  ),
  fault(
    "step.js",
    "draining workers are not forgiven a stall",
    "killAt: phase.killAt + late, beatBy: phase.beatBy + late",
    "killAt: phase.killAt, beatBy: phase.beatBy + late",
  ),
  // Reload
  fault(
    "reconcile.js",
    "the old drain while the new are on trial",
    "const counted = trying === null ? serving :",
    "const counted = true ? serving :",
  ),
  fault("reconcile.js", "surplus is not counted down", "if (spare-- <= 0)", "if (spare <= 0)"),
  fault("reconcile.js", "old ones that nobody wants boot on", "if (many-- <= 0)", "if (many <= many)"),
  fault("reconcile.js", "surplus is one too many", "if (spare-- <= 0)", "if (spare-- < 0)"),
  fault(
    "reconcile.js",
    "a generation is adopted before it is ready",
    "const ready = state.workers.filter((w) => isServing(w) &&",
    "const ready = state.workers.filter((w) => isLive(w) &&",
  ),
  fault(
    "reconcile.js",
    "a generation that WINCH wants no worker of is adopted untried",
    "|| Math.min(1, rollout.policy.workers)",
    "|| 0",
  ),
  fault(
    "reconcile.js",
    "one ready worker proves a whole generation",
    'rollout.policy.reloadMode === "all" ? most : Math.min(1, most)',
    "Math.min(1, most)",
  ),
  fault(
    "reconcile.js",
    "workers of an abandoned trial stay",
    "if (proven && isLive(worker) && worker.generation > state.generation)",
    "if (proven && isServing(worker) && worker.generation > state.lastGeneration)",
  ),
  fault("reconcile.js", "the surge has no limit", "live.length >= state.target + policy.maxSurge", "false"),
  fault(
    "reconcile.js",
    "the surge is one too many",
    "!wholesale && live.length >= state.target",
    "!wholesale && live.length > state.target",
  ),
  fault(
    "reconcile.js",
    "old sockets are closed while their workers serve",
    "worker.generation < state.generation && isLive(worker)",
    'worker.generation < state.generation && worker.phase.name === "booting"',
  ),
  fault("reconcile.js", "the new number of workers is forgotten", "    state.target = target;\n", ""),
  fault(
    "step.js",
    "a second reload is forgotten",
    "if (!isStopping(state)) {\n                state.reloadWanted",
    "if (state.rollout === null) {\n                state.reloadWanted",
  ),
  fault("step.js", "a WINCH behind a HUP is forgotten", "state.staysDropped = true;", ""),
  fault("step.js", "no HUP brings back what WINCH dropped", "state.staysDropped = false;", ""),
  fault("step.js", "WINCH during a load is forgotten", "paused && !state.staysDropped", "paused"),
  fault("reconcile.js", "closes what is being taken up", ' || state.rollout?.name === "loading")', ")"),
  fault("step.js", "TTIN does not survive a reload", "moves ? policy.workers : null", "policy.workers"),
  fault(
    "step.js",
    "a reload resizes before it has proved itself",
    "const target = moves ? policy.workers : null;",
    "const target = moves ? policy.workers : null; if (moves) state.target = policy.workers;",
  ),
  fault(
    "step.js",
    "a late ready counts after the boot timeout",
    "if (worker.failed !== null || worker.readyAt !== null)",
    "if (worker.readyAt !== null)",
  ),
  fault(
    "step.js",
    "who served unknown when it was told to go has no time to finish",
    "Math.max(phase.killAt, Math.min(now + policy.gracefulTimeout, stopBy))",
    "phase.killAt",
  ),
  fault(
    "stop.js",
    "TERM cuts off who serves without being known to",
    'phase === "booting" ? "withdraw" : "drain"',
    'phase === "booting" ? "quit" : "drain"',
  ),
  fault(
    "step.js",
    "a boot that fails during a reload is taken for a crash",
    "const isNew = worker.generation === newGeneration(state);",
    "const isNew = worker.generation === state.lastGeneration + 1;",
  ),
  fault("rollout.js", "a reload never gives up", "if (losses < MOST_LOSSES)", "if (losses > 0)"),
  fault(
    "rollout.js",
    "what was opened for a trial stays open",
    'if (rollout.name === "trying")',
    'if (rollout.name === "loading")',
  ),
  // Fleet
  fault("reconcile.js", "ids are used again", "id: state.nextId++", "id: state.workers.length + 1"),
  fault("reconcile.js", "all have the same place", "while (taken.has(slot))", "while (false)"),
  fault(
    "reconcile.js",
    "who asks to be replaced is not",
    "if (!isLive(worker) || worker.retiring !== null)",
    "if (!isLive(worker))",
  ),
  fault(
    "reconcile.js",
    "the wrong worker goes",
    "Number(isFresh(state, a)) - Number(isFresh(state, b)) || a.id - b.id",
    "a.id - b.id",
  ),
  fault(
    "step.js",
    "the dead are remembered",
    "state.workers.filter((other) => other !== worker)",
    "state.workers",
  ),
  fault(
    "step.js",
    "a state is changed in place",
    "workers: before.workers.map((worker) => ({ ...worker }))",
    "workers: before.workers",
  ),
  fault(
    "reconcile.js",
    "whenReady before all are",
    "const serving = state.workers.filter(isServing).length;\n    if (serving < state.target)",
    "const serving = state.workers.filter(isLive).length;\n    if (serving < state.target)",
  ),
  fault("reconcile.js", "whenReady again and again", '    state.phase = { name: "running" };\n', ""),
  // Failure
  fault("reconcile.js", "no back-off", "if (now < state.backoff.retryAt)", "if (now < 0)"),
  fault(
    "reconcile.js",
    "after failures all are tried at once",
    "const oneAtATime = state.backoff.failures > 0 || unproven;",
    "const oneAtATime = unproven;",
  ),
  fault("backoff.js", "the wait does not grow", "2 ** Math.min(failures - 1, 20)", "1"),
  fault(
    "backoff.js",
    "the wait has no limit",
    "Math.min(LONGEST_DELAY, FIRST_DELAY",
    "Math.min(1e12, FIRST_DELAY",
  ),
  fault("backoff.js", "no jitter", "(1 - JITTER + 2 * JITTER * random)", "1"),
  fault("backoff.js", "failures are never forgotten", "{ ...backoff, failures: 0 }", "backoff"),
  fault(
    "backoff.js",
    "every failure of a wave counts",
    "const sameWave = backoff.failures > 0",
    "const sameWave = false",
  ),
  fault("step.js", "who dies young is replaced at once", "< HEALTHY_AFTER)", "< 0)"),
  fault("step.js", "a failed start goes on", 'if (state.phase.name === "starting" && ', "if (false && "),
  fault("step.js", "the exit status is always 3", "code === 4 ? 4 : 3", "3"),
  // Stop
  fault(
    "reconcile.js",
    "spawns while stopping",
    "return finishStop(state, effects);",
    "finishStop(state, effects);",
  ),
  fault(
    "reconcile.js",
    "exits before the last worker",
    "if (state.workers.length > 0)",
    "if (state.workers.some(isLive))",
  ),
  fault("stop.js", "a quick stop is not", 'if (urgency === "quick")', "if (false)"),
  fault(
    "stop.js",
    "the last signal is ignored",
    '{ name: "stopping", urgency: "now", killAt: now, status }',
    "state.phase",
  ),
  fault("stop.js", "a stop gives more time", "Math.min(killAt, unborn, earliest)", "unborn"),
  fault("stop.js", "a reload goes on through a stop", "    state.rollout = null;\n", ""),
  fault(
    "step.js",
    "TTIN wakes up a stopping arbiter",
    "    if (isStopping(state))\n        return;\n    const rollout",
    "    const rollout",
  ),
  // Control
  fault(
    "step.js",
    "a new number of workers is added to the old",
    "() => event.workers",
    "(n) => n + event.workers",
  ),
  fault(
    "step.js",
    "a new number of workers is forgotten by the reload on its way",
    "target: resized(rollout.target)",
    "target: rollout.target",
  ),
  fault(
    "reconcile.js",
    "a reload that went well keeps it to itself",
    'effects.push({ type: "reloadEnded", failure: null });',
    "",
  ),
  fault(
    "rollout.js",
    "a reload that fails says that it went well",
    '"reloadEnded", failure: message',
    '"reloadEnded", failure: null',
  ),
  fault(
    "stop.js",
    "a reload that a stop ends is waited for",
    "if (state.rollout !== null || state.reloadWanted)",
    "if (state.reloadWanted)",
  ),
  fault(
    "stop.js",
    "a reload that waits for its turn is forgotten by a stop",
    "state.rollout !== null || state.reloadWanted",
    "state.rollout !== null",
  ),
  fault("stop.js", "TERM does not announce itself", "if (delay === 0)", "if (delay >= 0)"),
  fault("stop.js", "every TERM announces anew", 'if (state.phase.name === "announcing")', "if (false)"),
  fault("reconcile.js", "tells no worker that it stops", "tellWorkers(state, effects);", ""),
  fault("stop.js", "tells workers of a stop again and again", "worker.announced = true;", ""),
  fault("step.js", "sleeps through the end of drainDelay", "Math.min(at, state.phase.drainAt)", "at"),
  // Upgrade
  fault(
    "stop.js",
    "takes the sockets from the new arbiter",
    'state.upgrade?.name === "running" || state.elder',
    "state.elder",
  ),
  fault("stop.js", "takes the sockets from the old arbiter", " || state.elder !== null", ""),
  fault("upgrade.js", "upgrades while it is one itself", "if (state.elder !== null)\n", "if (false)\n"),
  fault("upgrade.js", "promoted again and again", "state.elder = null;", ""),
  fault(
    "reconcile.js",
    "preload boots all at once",
    "state.backoff.failures > 0 || unproven",
    "state.backoff.failures > 0",
  ),
];
