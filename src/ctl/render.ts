// What the server answers, for people. What is not as expected is shown as it came.

import { type Fields, isRecord, number, records, text } from "./read.ts";

/** Columns as wide as their widest cell; numbers to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const right = head.map((_, at) => rows.every((row) => /^(-|[\d.]+.*)$/.test(row[at] ?? "")));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, at) => (right[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd();
  return [head, ...rows].map((row) => `${line(row)}\n`).join("");
}

/** `4.2 s`, `3 min 20 s`, `5 h 2 min`, `12 d 3 h`. */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  const first = units.findIndex(([size]) => seconds >= size);
  return units
    .slice(first, first + 2)
    .map(
      ([size, unit], at) =>
        `${Math.floor((at === 0 ? seconds : seconds % (units[first]?.[0] ?? 1)) / size)} ${unit}`,
    )
    .join(" ");
}

export function renderStatus(body: unknown): string {
  if (!isRecord(body)) return raw(body);
  const workers = isRecord(body.workers) ? body.workers : {};
  const counts = ["booting", "leaving"].filter((name) => number(workers, name) > 0);
  const lines: [string, string][] = [
    ["server", `${text(body, "server")}, pid ${number(body, "pid")}, ${text(body, "phase")}`],
    ["app", `${text(body, "app")} (${text(body, "workerClass")})`],
    ["listening", Array.isArray(body.listeners) ? body.listeners.join(", ") : "-"],
    ["uptime", duration(number(body, "uptime"))],
    ["generation", String(number(body, "generation"))],
    [
      "workers",
      [
        `${number(workers, "serving")} of ${number(workers, "wanted")} serve`,
        ...counts.map((name) => `${number(workers, name)} ${name}`),
      ].join(", "),
    ],
  ];
  if (isRecord(body.reload)) {
    const { generation } = body.reload;
    const to = typeof generation === "number" ? ` generation ${generation}` : "";
    lines.push(["reload", `${text(body.reload, "phase")}${to} for ${duration(number(body.reload, "age"))}`]);
  }
  if (isRecord(body.lastReload)) {
    const { failure } = body.lastReload;
    const how = typeof failure === "string" ? `failed: ${failure}` : "went well";
    lines.push(["last reload", `${duration(number(body.lastReload, "age"))} ago, ${how}`]);
  }
  if (isRecord(body.upgrade)) lines.push(["upgrade", `to the arbiter pid=${number(body.upgrade, "pid")}`]);
  if (typeof body.elder === "number")
    lines.push(["upgrade", `of the arbiter pid=${body.elder}, which still runs`]);
  return lines.map(([name, value]) => `${name.padEnd(12)} ${value}\n`).join("");
}

export function renderWorkers(body: unknown): string {
  const rows = records(body).map((worker) => [
    String(number(worker, "worker")),
    String(number(worker, "generation")),
    String(number(worker, "pid")),
    text(worker, "phase"),
    megabytes(worker.rss),
    duration(number(worker, "uptime")),
    typeof worker.silent === "number" ? duration(worker.silent) : "-",
    requestsOf(worker),
    text(worker, "retiring") === "-" ? "" : text(worker, "retiring"),
  ]);
  return table(["WORKER", "GEN", "PID", "STATE", "RSS", "UPTIME", "LAST BEAT", "REQUESTS", ""], rows);
}

/** Five places at the most: `0.4`, `87.5`, `1234`, `57 k`. */
export function brief(value: number): string {
  if (value >= 10_000) return `${(value / 1_000).toFixed(0)} k`;
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toFixed(1);
}

/** Milliseconds: `0.42`, `8.3`, `230`, `12 s`. */
export function thousandths(value: number): string {
  if (value >= 10_000) return `${(value / 1_000).toFixed(0)} s`;
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}

export const megabytes = (bytes: unknown): string =>
  typeof bytes === "number" ? `${(bytes / 1024 / 1024).toFixed(1)} MB` : "-";

/** `2, GET /slow for 3.1 s`. */
export function requestsOf({ requests }: Fields): string {
  if (!isRecord(requests)) return "-";
  const [longest] = records(requests.longest);
  const count = String(number(requests, "count"));
  if (longest === undefined) return count;
  return `${count}, ${text(longest, "line")} for ${duration(number(longest, "age"))}`;
}

export function renderStack(body: unknown): string {
  if (!isRecord(body)) return raw(body);
  const head = `worker=${number(body, "worker")} gen=${number(body, "generation")} pid=${number(body, "pid")}`;
  const loops = records(body.loops).flatMap((loop) => [
    typeof loop.thread === "number" ? `${head} thread=${loop.thread}` : head,
    ...records(loop.requests).map(
      (request) =>
        `  ${text(request, "line")} from ${text(request, "client")} for ${duration(number(request, "age"))}`,
    ),
    ...(Array.isArray(loop.stack) ? loop.stack : []).map((line) => `  ${text({ line }, "line")}`),
  ]);
  return loops.map((line) => `${line}\n`).join("");
}

export function renderConfig(body: unknown): string {
  if (!isRecord(body)) return raw(body);
  const rows = Object.entries(body).map(([name, setting]) => {
    if (!isRecord(setting)) return [name, JSON.stringify(setting) ?? "", ""];
    // An older server tells the value alone.
    const { value, shown = value } = setting;
    const cell = typeof shown === "string" ? shown : (JSON.stringify(shown) ?? "");
    return [name, cell, text(setting, "origin")];
  });
  return table(["SETTING", "VALUE", "ORIGIN"], rows);
}

/** JSON escapes the control characters of ASCII itself, but for DEL. */
export const raw = (body: unknown): string =>
  `${JSON.stringify(body, null, 2).replaceAll(
    /[\x7f-\x9f]/g,
    (character) => `\\u00${character.charCodeAt(0).toString(16)}`,
  )}\n`;
