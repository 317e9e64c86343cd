// Prometheus' own tool takes the rules, runs their tests, and takes each query of the dashboard.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hasPeers } from "../peers/peer.ts";
import { get, ready } from "../process/client.ts";
import { scratch, start } from "../process/server.ts";
import { at, DEPLOY, list, text, type Value } from "./files.ts";

function promtool(args: readonly string[], cwd = join(DEPLOY, "prometheus")): void {
  const { status, stdout, stderr } = spawnSync("promtool", args, { cwd, encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
}

test("Prometheus takes the configuration with its rules", (t) => {
  if (!hasPeers(t, "promtool")) return;
  promtool(["check", "config", "prometheus.yml"]);
});

test("the alerts fire when they should, and at no other time", (t) => {
  if (!hasPeers(t, "promtool")) return;
  promtool(["test", "rules", "alerts.test.yml"]);
});

/** Every `expr` of the dashboard, of its panels and of its annotations. */
function queries(value: Value): string[] {
  if (typeof value !== "object" || value === null) return [];
  const own = at(value, "expr");
  return [...(typeof own === "string" ? [own] : []), ...Object.values(value).flatMap(queries)];
}

const dashboard: Value = JSON.parse(text("grafana/tgunicorn.json"));

test("Prometheus takes each query of the dashboard", (t) => {
  if (!hasPeers(t, "promtool")) return;
  const exprs = queries(dashboard).map((expr) =>
    expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(job|instance)\b/g, ".*"),
  );
  assert.ok(exprs.length > list(dashboard, "panels").length);
  const rules = exprs.map((expr, i) => ({ record: `query_${i}`, expr }));
  const dir = scratch(t);
  // JSON is YAML.
  writeFileSync(join(dir, "queries.yml"), JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
  promtool(["check", "rules", "queries.yml"], dir);
});

test("the dashboard's panels have numbers of their own and lie beside one another", () => {
  const panels = list(dashboard, "panels");
  const ids = panels.map((panel) => at(panel, "id"));
  assert.equal(new Set(ids).size, panels.length);
  const side = (panel: Value, key: string): number => Number(at(panel, "gridPos", key));
  const boxes = panels.map((panel) => ({
    title: at(panel, "title"),
    left: side(panel, "x"),
    right: side(panel, "x") + side(panel, "w"),
    top: side(panel, "y"),
    bottom: side(panel, "y") + side(panel, "h"),
  }));
  const wrong = boxes.flatMap((a, i) =>
    boxes
      .slice(i + 1)
      .filter((b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom)
      .map((b) => `${a.title} lies upon ${b.title}`),
  );
  assert.deepEqual([...wrong, ...boxes.filter(({ right }) => !(right <= 24)).map(({ title }) => title)], []);
});

test("promtool finds nothing to object to in the metrics themselves", async (t) => {
  if (!hasPeers(t, "promtool")) return;
  const args = [
    "-b",
    "127.0.0.1:0",
    "--metrics-bind",
    "127.0.0.1:0",
    "-k",
    "eventloop",
    "--log-level",
    "debug",
  ];
  const app = "export const app = (request, response) => response.end();";
  const server = start(t, [...args, "app:app"], { files: { "app.mjs": app } });
  await ready(server, 1);
  const [, url = ""] = await server.saw(/Metrics: (http:\S+)/);
  await get(await server.url());
  const look = async (): Promise<string> => (await get(`${url}/metrics`)).body;
  let text = await look();
  while (!text.includes("event_loop_delay_seconds{")) text = await look();
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: text,
    encoding: "utf8",
  });
  assert.deepEqual([status, stdout, stderr], [0, "", ""]);
  await server.stop();
});
