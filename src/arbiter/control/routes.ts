// What there is on the control socket: one table.

import { describedConfig } from "../../config/print.ts";
import { isLevel, levels } from "../../log/level.ts";
import { look } from "../metrics/look.ts";
import { nameOf, type WorkerState } from "../state.ts";
import { isStopping } from "../stop.ts";
import { type Answer, answer, type Fields, Refused, refusal } from "./answer.ts";
import type { Helm } from "./helm.ts";
import { findWorker, statusView, workerView } from "./view.ts";
import { workerViews, workerWith } from "./workers.ts";

export interface Route {
  readonly method: "GET" | "POST";
  /** `ID` stands for a worker: its place in the fleet, or `pid=41`. */
  readonly path: string;
  readonly about: string;
  /** Of the body. */
  readonly fields: readonly string[];
  readonly run: (helm: Helm, fields: Fields, id: string) => Answer | Promise<Answer>;
}

type Run<Values extends unknown[]> = (helm: Helm, ...values: Values) => Answer | Promise<Answer>;

const get = (path: string, about: string, run: Run<[]>): Route => ({
  method: "GET",
  path,
  about,
  fields: [],
  run: (helm) => run(helm),
});
const post = (path: string, about: string, fields: readonly string[], run: Run<[Fields]>): Route => ({
  method: "POST",
  path,
  about,
  fields,
  run: (helm, given) => run(helm, given),
});

/** More would be a slip of the hand. */
const MOST_WORKERS = 1_024;

export const routes: readonly Route[] = [
  get("/status", "What the server does.", (helm) =>
    answer(statusView(helm.state(), helm.facts(), helm.now())),
  ),
  get("/workers", "Every worker, what it does, and its figures.", async (helm) =>
    answer(await workerViews(helm, FEW)),
  ),
  get("/history", "The fleet's figures of the last minutes, a second each.", (helm) =>
    answer(helm.metering.figures()?.history() ?? []),
  ),
  get("/metrics", "The metrics as Prometheus reads them.", metrics),
  get("/samples", "The same as JSON.", async (helm) => {
    const samples = await look(helm);
    return samples === null ? refusal(503, NOTHING) : answer(samples);
  }),
  {
    method: "GET",
    path: "/workers/ID",
    about: "One worker, with the requests it has.",
    fields: [],
    run: async (helm, _, named) => answer(await workerWith(helm, workerNamed(helm, named), MANY)),
  },
  {
    method: "GET",
    path: "/workers/ID/stack",
    about: "The JavaScript stack of a worker just now.",
    fields: [],
    run: stack,
  },
  get("/config", "Every setting with its origin; values of environment variables are left out.", (helm) =>
    answer(withoutSecrets(describedConfig(helm.resolved()))),
  ),
  post("/reload", "Reload, and wait until it has ended.", ["wait"], reload),
  post("/stop", "Stop, and wait until all workers are gone.", ["quick", "wait"], stop),
  post("/scale", "So many workers from now on.", ["workers"], scale),
  post("/reopen", "Open the log files anew.", [], (helm) => {
    helm.log.info("Control: reopen");
    helm.tell({ type: "reopen" });
    return answer({ reopened: true });
  }),
  post("/loglevel", "Log from this level on, until the next reload.", ["level"], loglevel),
  {
    method: "POST",
    path: "/workers/ID/recycle",
    about: "Replace this worker: it serves until the new one does.",
    fields: [],
    run: recycle,
  },
];

/** What a watchdog may take to take a stack, in milliseconds. */
const STACK = 3_000;
/** Requests shown of each worker. */
const FEW = 3;
const MANY = 50;

async function stack(helm: Helm, _: Fields, named: string): Promise<Answer> {
  const worker = workerNamed(helm, named);
  const loops = await helm.peek(worker.id, "stack", STACK);
  if (loops !== null) return answer({ ...workerView(worker, helm.now()), loops });
  return refusal(503, `${nameOf(worker)} can't be asked: ${whyNot(helm, worker)}`);
}

function whyNot(helm: Helm, { id }: WorkerState): string {
  if (helm.heard(id))
    return `its watchdog has not answered within ${STACK / 1_000} s: the machine is busy; try again`;
  return helm.resolved().config.watchdog
    ? "its watchdog does not answer, which it does from a second after its start"
    : "it has no watchdog: see --watchdog";
}

/** Its values may be keys and passwords. */
function withoutSecrets(config: ReturnType<typeof describedConfig>): ReturnType<typeof describedConfig> {
  const { rawEnv } = config;
  if (rawEnv === undefined || !Array.isArray(rawEnv.value)) return config;
  const value = rawEnv.value.map((pair: unknown) => `${String(pair).split("=", 1)[0]}=...`);
  const shown = value.length === 0 ? rawEnv.shown : value.join(", ");
  return { ...config, rawEnv: { ...rawEnv, value, shown } };
}

async function reload(helm: Helm, { wait = true }: Fields): Promise<Answer> {
  if (typeof wait !== "boolean") throw new Refused(400, '"wait" has to be true or false');
  const { phase } = helm.state();
  if (isStopping(helm.state()) || phase.name === "announcing") return refusal(409, "the server stops");
  helm.log.info("Control: reload");
  const ended = helm.reload();
  if (!wait) return answer({ reloading: true }, 202);
  const error = await ended;
  const { generation, target } = helm.state();
  return error === null
    ? answer({ reloaded: true, generation, workers: target })
    : { status: 422, body: { reloaded: false, generation, error } };
}

const NOTHING = "nothing is counted";

/** Also without metricsBind. */
async function metrics(helm: Helm): Promise<Answer> {
  const samples = await look(helm);
  if (samples === null) return refusal(503, NOTHING);
  // It takes 10 MB, where metricsBind has not loaded it already.
  const { expose } = await import("../metrics/exposition.ts");
  const { contentType, text } = await expose(samples);
  return { status: 200, body: null, text, headers: { "content-type": contentType } };
}

function stop(helm: Helm, { quick = false, wait = true }: Fields): Answer | Promise<Answer> {
  if (typeof quick !== "boolean") throw new Refused(400, '"quick" has to be true or false');
  if (typeof wait !== "boolean") throw new Refused(400, '"wait" has to be true or false');
  helm.log.info(quick ? "Control: stop, quick" : "Control: stop");
  const { pid } = helm.facts();
  helm.tell({ type: "stop", quick, signal: "control" });
  if (!wait) return answer({ stopping: true, pid }, 202);
  return helm.stopped.then(() => answer({ stopped: true, pid }));
}

function scale(helm: Helm, { workers }: Fields): Answer {
  if (typeof workers !== "number" || !Number.isInteger(workers) || workers < 1 || workers > MOST_WORKERS) {
    throw new Refused(400, `"workers" has to be a whole number from 1 to ${MOST_WORKERS}: {"workers": 4}`);
  }
  if (isStopping(helm.state())) return refusal(409, "the server stops");
  const before = helm.state().target;
  helm.log.info(`Control: scale to ${workers} worker(s)`);
  helm.tell({ type: "scale", workers });
  return answer({ workers, before });
}

function loglevel(helm: Helm, { level }: Fields): Answer {
  if (!isLevel(level)) throw new Refused(400, `"level" has to be one of ${levels.join(", ")}`);
  const before = helm.log.level;
  helm.log.info(`Control: log level ${level} instead of ${before}`);
  helm.setLevel(level);
  return answer({ level, before });
}

function recycle(helm: Helm, _: Fields, named: string): Answer {
  const worker = workerNamed(helm, named);
  const { id, phase, retiring } = worker;
  const name = nameOf(worker);
  if (phase.name !== "serving") return refusal(409, `${name} does not serve, it is ${phase.name}`);
  if (retiring !== null) return refusal(409, `${name} is to be replaced already: ${retiring}`);
  helm.tell({ type: "retire", id, reason: "asked for over the control socket" });
  return answer({ recycling: true, ...workerView(worker, helm.now()) }, 202);
}

export type Match =
  | { readonly route: Route; readonly id: string }
  /** The path is there, the method is not. */
  | { readonly allow: readonly string[] }
  | null;

export function match(method: string, path: string): Match {
  const found = routes.flatMap((route) => {
    const [before = "", after] = route.path.split("ID");
    if (after === undefined) return route.path === path ? [{ route, id: "" }] : [];
    if (!path.startsWith(before) || !path.endsWith(after)) return [];
    const id = path.slice(before.length, path.length - after.length);
    return /^[\w=]{1,40}$/.test(id) ? [{ route, id }] : [];
  });
  if (found.length === 0) return null;
  const asked = method === "HEAD" ? "GET" : method;
  return (
    found.find(({ route }) => route.method === asked) ?? { allow: found.map(({ route }) => route.method) }
  );
}

function workerNamed(helm: Helm, name: string): WorkerState {
  const { workers } = helm.state();
  const found = findWorker(workers, name);
  if (found !== undefined) return found;
  const known = workers.map(({ slot, pid }) => `${slot} (pid=${pid ?? "none"})`).join(", ");
  throw new Refused(404, `there is no worker ${name}; there are ${known === "" ? "none" : known}`);
}
