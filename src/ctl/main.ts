// tgunicornctl: what it is told, asked of the control socket, shown.

import { version } from "../config/version.ts";
import { type Ask, createAsk, Failure } from "./client.ts";
import { help, type Options, readOptions } from "./options.ts";
import { isRecord, number, printable, text } from "./read.ts";
import { raw, renderConfig, renderStack, renderStatus, renderWorkers } from "./render.ts";

export interface Output {
  write(text: string): unknown;
}

/** Resolves with the exit status: 0, 1 where the server refuses or can't be reached, 2 for a command line that is wrong. */
export async function ctl(argv: readonly string[], out: Output, err: Output): Promise<number> {
  let json = false;
  try {
    const asked = readOptions(argv);
    json = asked.type === "run" && asked.options.json;
    if (asked.type === "run") await run(asked.options, out);
    else out.write(asked.type === "help" ? help() : `tgunicornctl (version ${version()})\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    err.write(printable(`tgunicornctl: ${error.message}\n`));
    if (json) out.write(raw(error.body ?? { error: error.message }));
    return error.exitStatus;
  }
}

async function run(options: Options, out: Output): Promise<void> {
  if (options.command === "completion") {
    const { completionScript } = await import("./completion.ts");
    return void out.write(completionScript(options.values[0] ?? ""));
  }
  const ask = createAsk(options.socket, options.pidfile);
  if (options.command === "top") {
    const { top } = await import("./top.ts");
    return await top(ask, process.stdin, process.stdout);
  }
  const { body, status } = await order(ask, options);
  if (status >= 400) throw new Failure(isRecord(body) ? text(body, "error") : `status ${status}`, 1, body);
  if (options.command === "stop" && options.wait && isRecord(body)) await gone(number(body, "pid"));
  out.write(options.json ? raw(body) : printable(render(options, body)));
}

function order(ask: Ask, { command, values, wait, quick, json }: Options): ReturnType<Ask> {
  const [value = ""] = values;
  switch (command) {
    case "reload":
      return ask("POST", "/reload", { wait });
    case "stop":
      return ask("POST", "/stop", { wait, quick });
    case "scale":
      if (!/^\d+$/.test(value)) throw new Failure(`scale: ${value} is no number of workers`, 2);
      return ask("POST", "/scale", { workers: Number(value) });
    case "recycle":
      return ask("POST", `/workers/${inPath(value)}/recycle`);
    case "stack":
      return ask("GET", `/workers/${inPath(value)}/stack`);
    case "loglevel":
      return ask("POST", "/loglevel", { level: value });
    case "metrics":
      return ask("GET", json ? "/samples" : "/metrics");
    case "reopen":
      return ask("POST", "/reopen");
    default:
      return ask("GET", `/${command}`);
  }
}

const inPath = (id: string): string => encodeURIComponent(id).replaceAll("%3D", "=");

function render({ command, wait }: Options, body: unknown): string {
  const fields = isRecord(body) ? body : {};
  switch (command) {
    case "status":
      return renderStatus(body);
    case "workers":
      return renderWorkers(body);
    case "metrics":
      return typeof body === "string" ? body : raw(body);
    case "stack":
      return renderStack(body);
    case "config":
      return renderConfig(body);
    case "reload":
      return wait
        ? `Generation ${number(fields, "generation")} serves with ${number(fields, "workers")} worker(s)\n`
        : "Reloading\n";
    case "stop":
      return wait ? "Stopped\n" : "Stopping\n";
    case "scale":
      return `${number(fields, "workers")} worker(s) instead of ${number(fields, "before")}\n`;
    case "recycle":
      return `Worker ${number(fields, "worker")} pid=${number(fields, "pid")} is being replaced\n`;
    case "loglevel":
      return `${text(fields, "level")} instead of ${text(fields, "before")}\n`;
    case "reopen":
      return "The log files are opened anew\n";
    default:
      return raw(body);
  }
}

/** What is left for the arbiter to do once it has answered is short. In milliseconds. */
const LAST_STEPS = 5_000;

async function gone(pid: number): Promise<void> {
  const until = performance.now() + LAST_STEPS;
  while (pid > 0 && performance.now() < until) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
