import assert from "node:assert/strict";
import { test } from "node:test";
import { createLifespan, type LifespanMode } from "../../src/interfaces/asgi/lifespan.ts";
import { asgi, type LifespanScope, type Receive, type Send } from "../../src/interfaces/asgi.ts";
import { serve } from "./serve.ts";

type Life = (scope: LifespanScope, receive: Receive, send: Send) => unknown;

function lifespan(mode: LifespanMode, life: Life) {
  const log: string[] = [];
  const note = (level: string) => (message: string) => void log.push(`${level}: ${message}`);
  const app = (...args: unknown[]): unknown => Reflect.apply(life, undefined, args);
  const one = createLifespan(app, {
    mode,
    log: { debug: note("debug"), warning: note("warning"), error: note("error") },
  });
  return { one, log };
}

const whole: Life = async (scope, receive, send) => {
  assert.deepEqual(await receive(), { type: "lifespan.startup" });
  scope.state.pool = "open";
  await send({ type: "lifespan.startup.complete" });
  assert.deepEqual(await receive(), { type: "lifespan.shutdown" });
  scope.state.pool = "closed";
  await send({ type: "lifespan.shutdown.complete" });
};

for (const mode of ["auto", "on"] as const) {
  test(`${mode}: start, state and end`, async () => {
    const { one, log } = lifespan(mode, whole);
    await one.startup();
    assert.deepEqual(one.state, { pool: "open" });
    await one.shutdown();
    assert.deepEqual(one.state, { pool: "closed" });
    assert.deepEqual(log, []);
  });

  test(`${mode}: a start that fails is an error of the application`, async () => {
    const { one } = lifespan(mode, async (_scope, receive, send) => {
      await receive();
      await send({ type: "lifespan.startup.failed", message: "no database" });
    });
    await assert.rejects(one.startup(), { code: "APP_FAILED", exitStatus: 4, message: /no database/ });
  });
}

test("auto: who knows no lifespan is served without", async () => {
  const { one, log } = lifespan("auto", () => {
    throw new Error("unknown scope");
  });
  await one.startup();
  assert.equal(one.state, undefined);
  await one.shutdown();
  assert.match(log.join(), /^debug: The application has no lifespan: .*unknown scope/);
});

test("auto: who fails after having asked is served without, and told of", async () => {
  const { one, log } = lifespan("auto", async (_scope, receive) => {
    await receive();
    throw new Error("a mistake");
  });
  await one.startup();
  assert.match(log.join(), /^warning: .*a mistake/);
});

test("on: who knows no lifespan does not start", async () => {
  const { one } = lifespan("on", () => undefined);
  await assert.rejects(one.startup(), /returned without lifespan\.startup\.complete/);
});

test("off: nobody is asked", async () => {
  const { one } = lifespan("off", () => assert.fail("asked"));
  await one.startup();
  await one.shutdown();
  assert.equal(one.state, undefined);
});

test("who returns after its start keeps its state, and is asked no more", async () => {
  const { one } = lifespan("auto", async ({ state }, _receive, send) => {
    state.a = 1;
    await send({ type: "lifespan.startup.complete" });
  });
  await one.startup();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(one.state, { a: 1 });
  await one.shutdown();
});

test("an end that fails is told of and holds nobody up", async () => {
  const { one, log } = lifespan("auto", async (_scope, receive, send) => {
    await receive();
    await send({ type: "lifespan.startup.complete" });
    await receive();
    await send({ type: "lifespan.shutdown.failed", message: "still busy" });
  });
  await one.startup();
  await one.shutdown();
  assert.match(log.join(), /^error: .*still busy/);
});

for (const told of [[], ["lifespan.shutdown.failed"]] as const) {
  test(`an end that throws is told of once, with its stack${told.length > 0 ? " or its message" : ""}`, async () => {
    const { one, log } = lifespan("auto", async (_scope, receive, send) => {
      await receive();
      await send({ type: "lifespan.startup.complete" });
      await receive();
      for (const type of told) await send({ type, message: "still busy" });
      throw new Error("still busy");
    });
    await one.startup();
    await one.shutdown();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(log.length, 1);
    assert.match(log.join(), /^error: The application's lifespan\.shutdown failed: .*still busy/);
    if (told.length === 0) assert.match(log.join(), /lifespan\.test/);
  });
}

test("each request has a copy of the state", async (t) => {
  const app = asgi(async (scope, receive, send) => {
    if (scope.type === "lifespan") return void (await whole(scope, receive, send));
    if (scope.type !== "http") return undefined;
    const before = JSON.stringify(scope.state);
    Object.assign(scope.state ?? {}, { mine: 1 });
    await send({ type: "http.response.start", status: 200 });
    await send({ type: "http.response.body", body: before });
  });
  const { request, drain } = await serve(t, app);
  for (let i = 0; i < 2; i++) assert.equal((await request({ path: "/" })).body, '{"pool":"open"}');
  await drain("close");
});
