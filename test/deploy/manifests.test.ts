// Kubernetes' manifests, Nomad's job and fly.toml: what their schemas say, and what this server needs of them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT, scratch } from "../process/server.ts";
import { at, filesIn, hasSchemas, list, read, SCHEMA_PACKAGES, type Value } from "./files.ts";
import { type Given, given, seconds } from "./options.ts";

const FILES = filesIn("kubernetes");
const manifests = (): readonly Value[] => read(...FILES).flatMap(({ documents }) => documents);
const ofKind = (kind: string, name = "app"): Value | undefined =>
  manifests().find((manifest) => at(manifest, "kind") === kind && at(manifest, "metadata", "name") === name);

test("Kubernetes' schemas take every manifest", (t) => {
  if (!hasSchemas(t)) return;
  const problems = read(...FILES).flatMap(({ problems }, i) =>
    problems.map((problem) => `${FILES[i]}: ${problem}`),
  );
  assert.deepEqual(problems, []);
});

test("no manifest has a field that its kind does not have", (t) => {
  if (!hasSchemas(t)) return;
  const kinds = manifests().filter((manifest) => at(manifest, "kind") !== undefined);
  const source = kinds.map((manifest, i) => {
    const version = String(at(manifest, "apiVersion"));
    const kind = String(at(manifest, "kind"));
    const models = version.startsWith("monitoring.coreos.com/")
      ? "@kubernetes-models/prometheus-operator"
      : "kubernetes-models";
    return `import type { I${kind} as T${i} } from "${models}/${version}/${kind}";\nexport const m${i}: T${i} = ${JSON.stringify(manifest)};\n`;
  });
  assert.ok(source.length >= 7, String(source.length));
  const dir = scratch(t, { "package.json": `{ "type": "module" }`, "manifests.ts": source.join("") });
  symlinkSync(SCHEMA_PACKAGES, join(dir, "node_modules"));
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--skipLibCheck", "--types", ""];
  const tsc = (file: string) => {
    const bin = join(ROOT, "node_modules/typescript/bin/tsc");
    return spawnSync(process.execPath, [bin, ...options, file], { cwd: dir, encoding: "utf8" });
  };
  const checked = tsc("manifests.ts");
  assert.equal(checked.status, 0, checked.stdout);
  // The same with a field too many: were the types not found, nothing would be wrong with anything.
  writeFileSync(
    join(dir, "wrong.ts"),
    source.join("").replace('"containers":[{', '"containers":[{"imag":"",'),
  );
  assert.match(tsc("wrong.ts").stdout, /'imag' does not exist|imag/);
});

/** The options of the one container, and where it is told of its ports. */
function container(): {
  readonly options: Given;
  readonly pod: Value | undefined;
  readonly own: Value | undefined;
} {
  const pod = at(ofKind("Deployment"), "spec", "template", "spec");
  const own = at(pod, "containers", 0);
  return { options: given(list(own, "args").map(String)), pod, own };
}

test("a pod is given the time that its server may take to stop", (t) => {
  if (!hasSchemas(t)) return;
  const { options, pod, own } = container();
  const grace = Number(at(pod, "terminationGracePeriodSeconds"));
  assert.ok(grace > seconds(options, "drainDelay") + seconds(options, "gracefulTimeout"), String(grace));
  // It is red for long enough, before it drains, that the kubelet sees it.
  const period =
    Number(at(own, "readinessProbe", "periodSeconds")) *
    Number(at(own, "readinessProbe", "failureThreshold"));
  assert.ok(seconds(options, "drainDelay") > period, String(period));
  assert.equal(at(own, "lifecycle"), undefined);
});

test("probes, services and Prometheus find the ports that the server binds", (t) => {
  if (!hasSchemas(t)) return;
  const { options, own } = container();
  const ports = Object.fromEntries(
    list(own, "ports").map((port) => [at(port, "name"), at(port, "containerPort")]),
  );
  const bound = (name: string): number => Number(/:(\d+)$/.exec(options[name] ?? "")?.[1]);
  assert.deepEqual(ports, {
    http: bound("bind"),
    health: bound("healthBind"),
    metrics: bound("metricsBind"),
  });
  for (const probe of ["readinessProbe", "livenessProbe"])
    assert.equal(at(own, probe, "httpGet", "port"), "health");
  assert.equal(at(ofKind("Service"), "spec", "ports", 0, "targetPort"), "http");
  const metrics = ofKind("Service", "app-metrics");
  assert.equal(at(metrics, "spec", "ports", 0, "targetPort"), "metrics");
  const monitor = ofKind("ServiceMonitor");
  assert.equal(at(monitor, "spec", "endpoints", 0, "port"), at(metrics, "spec", "ports", 0, "name"));
  assert.deepEqual(at(monitor, "spec", "selector", "matchLabels"), at(metrics, "metadata", "labels"));
});

test("every selector means the pods of the deployment", (t) => {
  if (!hasSchemas(t)) return;
  const labels = at(ofKind("Deployment"), "spec", "template", "metadata", "labels");
  for (const kind of ["Deployment", "PodDisruptionBudget"]) {
    assert.deepEqual(at(ofKind(kind), "spec", "selector", "matchLabels"), labels, kind);
  }
  for (const name of ["app", "app-metrics"]) {
    assert.deepEqual(at(ofKind("Service", name), "spec", "selector"), labels, name);
  }
  const { name, kind } = { name: "app", kind: "Deployment" };
  assert.deepEqual(at(ofKind("HorizontalPodAutoscaler"), "spec", "scaleTargetRef"), {
    apiVersion: "apps/v1",
    kind,
    name,
  });
});

test("a pod has no more power than it needs", (t) => {
  if (!hasSchemas(t)) return;
  const { pod, own } = container();
  assert.equal(at(pod, "securityContext", "runAsNonRoot"), true);
  assert.deepEqual(at(own, "securityContext"), {
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ["ALL"] },
  });
  assert.ok(at(own, "resources", "requests", "cpu") !== undefined);
  assert.ok(at(own, "resources", "limits", "memory") !== undefined);
});

test("Nomad's job is HCL, and gives the server the time that it may take to stop", (t) => {
  if (!hasSchemas(t)) return;
  const [job] = read("nomad/app.nomad.hcl");
  assert.deepEqual(job?.problems, []);
  const task = at(job?.documents[0], "job", "app", 0, "group", "app", 0, "task", "app", 0);
  const options = given(list(task, "config", 0, "args").map(String));
  assert.ok(Number.parseFloat(String(at(task, "kill_timeout"))) > seconds(options, "gracefulTimeout"));
});

test("fly.toml is TOML, and gives the server the time that it may take to stop", (t) => {
  if (!hasSchemas(t)) return;
  const [fly] = read("fly/fly.toml");
  assert.deepEqual(fly?.problems, []);
  const app = fly?.documents[0];
  const options = given(String(at(app, "processes", "app")).split(" "));
  const needed = seconds(options, "drainDelay") + seconds(options, "gracefulTimeout");
  assert.ok(Number(at(app, "kill_timeout")) > needed, String(needed));
  const port = (name: string): string => String(options[name]).replace(/.*:/, "");
  assert.equal(String(at(app, "http_service", "internal_port")), port("bind"));
  assert.equal(String(at(app, "checks", "ready", "port")), port("healthBind"));
  assert.equal(String(at(app, "metrics", "port")), port("metricsBind"));
});
