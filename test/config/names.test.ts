import assert from "node:assert/strict";
import { test } from "node:test";
import { lookup, nearestName } from "../../src/config/names.ts";
import { nearest } from "../../src/config/nearest.ts";

test("Gunicorn's names and ours are the same settings", () => {
  const pairs = {
    worker_class: "workerClass",
    wsgi_app: "app",
    when_ready: "whenReady",
    access_log_format: "accessLogFormat",
    limit_request_field_size: "limitRequestFieldSize",
    accesslog: "accesslog",
    nworkers_changed: "nworkersChanged",
    forwarded_allow_ips: "forwardedAllowIps",
  };
  for (const [written, name] of Object.entries(pairs)) assert.equal(lookup(written)?.name, name);
  for (const written of ["Workers", "config", "toString", "__proto__", "constructor", ""]) {
    assert.equal(lookup(written), undefined, written);
  }
});

test("the nearest name, in the style of the slip", () => {
  assert.equal(nearestName("wrokers"), "workers");
  assert.equal(nearestName("worker_clas"), "worker_class");
  assert.equal(nearestName("workerclass"), "workerClass");
  assert.equal(nearestName("max_request"), "max_requests");
  assert.equal(nearestName("whenRedy"), "whenReady");
  assert.equal(nearestName("somethingElseEntirely"), undefined);
});

test("a beginning stands for the name it begins, however much is missing", () => {
  const flags = ["--workers", "--worker-class", "--worker-connections", "--timeout", "-w"];
  assert.equal(nearest("--worker-cl", flags), "--worker-class");
  assert.equal(nearest("--worker", flags), "--workers");
  assert.equal(nearest("--Worker-conn", flags), "--worker-connections");
  assert.equal(nearest("--ti", flags), undefined);
  assert.equal(nearestName("max_req"), "max_requests");
  assert.equal(nearestName("accessLogF"), "accessLogFormat");
});

test("nothing near enough is nothing", () => {
  assert.equal(nearest("x", ["workers"]), undefined);
  assert.equal(nearest("bnid", ["bind", "name"]), "bind");
});
