// One picture of `top`: from what the server has told, now and the last time, to lines of text. Pure.

import { type Fields, isRecord, number, printable, records, text } from "./read.ts";
import { brief, duration, megabytes, thousandths } from "./render.ts";
import { sparkline } from "./sparkline.ts";

export interface Sample {
  /** Milliseconds, on any monotonic clock. */
  readonly at: number;
  readonly status: unknown;
  readonly workers: unknown;
  /** The fleet's last minutes, a second each. */
  readonly history: unknown;
}

/** A column of the table: by its key the workers can be sorted, the largest first. */
interface Column {
  readonly head: string;
  readonly width: number;
  readonly cell: (row: Row) => string;
  readonly sort?: { readonly key: string; readonly name: string; readonly by: (row: Row) => number };
}

export interface View {
  /** The key of the column to sort by. */
  readonly sort: string;
  readonly columns: number;
  readonly rows: number;
  /** Why there is nothing new to show; null where there is. */
  readonly trouble: string | null;
}

interface Row {
  readonly worker: Fields;
  readonly figures: Fields;
  /** Share of one processor since the last sample; null where that is not known. */
  readonly cpu: number | null;
}

const has = (fields: Fields, name: string): boolean => typeof fields[name] === "number";
const loop = ({ figures }: Row): Fields => (isRecord(figures.loop) ? figures.loop : {});
const inFlight = ({ worker, figures }: Row): number =>
  isRecord(worker.requests) ? number(worker.requests, "count") : number(figures, "inFlight");
/** Seconds since the oldest of its requests began; null where it has none. */
const oldestOf = ({ worker }: Row): number | null => {
  const [first] = isRecord(worker.requests) ? records(worker.requests.longest) : [];
  return first === undefined ? null : number(first, "age");
};
const brieflyFor = (seconds: number): string => {
  if (seconds < 100) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  return seconds < 6_000 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3_600)} h`;
};
const known = (fields: Fields, name: string, show: (value: number) => string): string =>
  has(fields, name) ? show(number(fields, name)) : "-";

const table: readonly Column[] = [
  {
    head: "WORKER",
    width: 6,
    cell: ({ worker }) => String(number(worker, "worker")),
    sort: {
      key: "w",
      name: "worker",
      // The lowest first, and of one place the older.
      by: ({ worker }) => -(number(worker, "worker") + number(worker, "generation") / 1e6),
    },
  },
  { head: "GEN", width: 4, cell: ({ worker }) => String(number(worker, "generation")) },
  { head: "PID", width: 7, cell: ({ worker }) => String(number(worker, "pid")) },
  { head: "STATE", width: -8, cell: ({ worker }) => stateOf(worker) },
  {
    head: "REQ/S",
    width: 6,
    cell: ({ figures }) => known(figures, "perSecond", brief),
    sort: { key: "s", name: "req/s", by: ({ figures }) => number(figures, "perSecond") },
  },
  { head: "P50", width: 6, cell: ({ figures }) => known(figures, "p50", thousandths) },
  {
    head: "P99",
    width: 6,
    cell: ({ figures }) => known(figures, "p99", thousandths),
    sort: { key: "p", name: "p99", by: ({ figures }) => number(figures, "p99") },
  },
  {
    head: "NOW",
    width: 4,
    cell: (row) => String(inFlight(row)),
    sort: { key: "r", name: "now", by: inFlight },
  },
  {
    head: "OLDEST",
    width: 6,
    cell(row) {
      const age = oldestOf(row);
      return age === null ? "-" : brieflyFor(age);
    },
    sort: { key: "o", name: "oldest", by: (row) => oldestOf(row) ?? -1 },
  },
  {
    head: "LOOP",
    width: 6,
    cell: (row) => known(loop(row), "delayP99", (seconds) => thousandths(seconds * 1_000)),
    sort: { key: "l", name: "loop", by: (row) => number(loop(row), "delayP99") },
  },
  {
    head: "CPU",
    width: 5,
    cell: ({ cpu }) => (cpu === null ? "-" : `${(cpu * 100).toFixed(0)} %`),
    sort: { key: "c", name: "cpu", by: ({ cpu }) => cpu ?? 0 },
  },
  {
    head: "RSS",
    width: 8,
    cell: ({ worker }) => megabytes(worker.rss),
    sort: { key: "m", name: "rss", by: ({ worker }) => number(worker, "rss") },
  },
  {
    head: "UPTIME",
    width: 10,
    cell: ({ worker }) => duration(number(worker, "uptime")),
    sort: { key: "u", name: "uptime", by: ({ worker }) => number(worker, "uptime") },
  },
];

/** Seconds without a sign of life after which a worker is shown as stuck: a loop that runs beats each second. */
const SILENT = 3;

function stateOf(worker: Fields): string {
  return number(worker, "silent") > SILENT ? "STUCK" : text(worker, "phase");
}

/** The key to press for each order. */
export const sortKeys: Readonly<Record<string, string>> = Object.fromEntries(
  table.flatMap(({ sort }) => (sort === undefined ? [] : [[sort.key, sort.name]])),
);

/** Lines no longer and no more than the terminal has room for. The line of column names is marked by `head`. */
export function picture(
  now: Sample | null,
  before: Sample | null,
  { sort, columns, rows, trouble }: View,
): { readonly lines: readonly string[]; readonly head: number } {
  const top = now === null ? ["tgunicornctl top"] : [...summary(now.status), ...fleet(now.history, columns)];
  if (trouble !== null) top.push(trouble);
  const keys = Object.entries(sortKeys).map(([key, name]) => `${key} ${key === sort ? `[${name}]` : name}`);
  const foot = `sort: ${keys.join("  ")}   q quit`;
  const sorted = now === null ? [] : sortedBy(rowsOf(now, before), sort);
  const longest = now === null ? [] : [oldest(sorted)];
  const room = Math.max(0, rows - top.length - longest.length - 3);
  const shown = sorted.slice(0, sorted.length > room ? Math.max(0, room - 1) : room);
  const hidden = sorted.length - shown.length;
  const body = [table.map(({ head }) => head), ...shown.map((row) => table.map(({ cell }) => cell(row)))];
  const lines = [
    ...top,
    ...longest,
    "",
    ...body.map(align),
    ...(hidden > 0 ? [`and ${hidden} more`] : []),
    foot,
  ];
  return {
    lines: lines.slice(0, rows).map((line) => printable(line.replaceAll("\n", " ")).slice(0, columns)),
    head: top.length + longest.length + 1,
  };
}

function summary(status: unknown): string[] {
  if (!isRecord(status)) return ["tgunicornctl top"];
  const workers = isRecord(status.workers) ? status.workers : {};
  const counts = ["booting", "leaving"].filter((name) => number(workers, name) > 0);
  const all = [
    `${number(workers, "serving")} of ${number(workers, "wanted")} serve`,
    ...counts.map((name) => `${number(workers, name)} ${name}`),
  ];
  const reload = isRecord(status.reload)
    ? `, reload: ${text(status.reload, "phase")} for ${duration(number(status.reload, "age"))}`
    : "";
  return [
    `${text(status, "server")}  ${text(status, "app")}  pid ${number(status, "pid")}  ${text(status, "phase")}, up ${duration(number(status, "uptime"))}`,
    `generation ${number(status, "generation")}: ${all.join(", ")}${reload}`,
  ];
}

/** A line with a sparkline for each of the fleet's figures; none where nothing is counted. */
function fleet(history: unknown, columns: number): string[] {
  const moments = records(history);
  const last = moments.at(-1);
  if (last === undefined) return [];
  const width = Math.max(0, Math.min(60, columns - 28));
  const line = (name: string, field: string, shown: string): string => {
    const values = moments.map((moment) => (has(moment, field) ? number(moment, field) : null));
    return `${name.padEnd(10)} ${shown.padStart(9)}  ${sparkline(values, width)}`;
  };
  return [
    line("requests/s", "perSecond", brief(number(last, "perSecond"))),
    line(
      "p99",
      "p99",
      known(last, "p99", (value) => `${thousandths(value)} ms`),
    ),
    line("in flight", "inFlight", String(number(last, "inFlight"))),
  ];
}

function rowsOf(now: Sample, before: Sample | null): Row[] {
  const last = new Map(records(before?.workers).map((worker) => [worker.pid, worker.cpu]));
  const seconds = before === null ? 0 : (now.at - before.at) / 1_000;
  return records(now.workers).map((worker) => {
    const used = last.get(worker.pid);
    const measured = typeof used === "number" && typeof worker.cpu === "number" && seconds > 0;
    return {
      worker,
      figures: isRecord(worker.figures) ? worker.figures : {},
      cpu: measured ? Math.max(0, (number(worker, "cpu") - used) / seconds) : null,
    };
  });
}

function sortedBy(rows: readonly Row[], key: string): Row[] {
  const by = table.find(({ sort }) => sort?.key === key)?.sort?.by ?? (() => 0);
  return [...rows].sort((a, b) => by(b) - by(a));
}

function oldest(rows: readonly Row[]): string {
  const all = rows.flatMap(({ worker }) =>
    isRecord(worker.requests) ? records(worker.requests.longest) : [],
  );
  const [first] = all.sort((a, b) => number(b, "age") - number(a, "age"));
  if (first === undefined) return "no request in flight";
  return `longest request: ${text(first, "line")} for ${duration(number(first, "age"))}`;
}

/** Columns keep their width, so that nothing moves when a figure gets longer. */
function align(cells: readonly string[]): string {
  return cells
    .map((cell, at) => {
      const width = table[at]?.width ?? 0;
      return width < 0 ? cell.padEnd(-width) : cell.padStart(width);
    })
    .join(" ")
    .trimEnd();
}
