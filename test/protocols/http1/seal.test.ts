// A response that was answered in the application's stead: what works on it comes to an end.

import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type TestContext, test } from "node:test";
import { eventloop } from "../../../src/workers/eventloop.ts";
import { connect } from "../../contract/client.ts";
import { rig } from "../../contract/rig.ts";

/** One that is answered and sealed, and over where `over` says so. */
async function sealed(t: TestContext, over: boolean): Promise<ServerResponse> {
  const { port, serving, held } = await rig(eventloop);
  t.after(() => serving.stop());
  const client = await connect(port);
  client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
  const { exchange, res } = await held();
  exchange.head(504, undefined, ["Content-Length", "4", "Connection", "close"]);
  exchange.end("late");
  exchange.seal();
  if (over) await once(res, "close");
  t.after(() => client.destroy());
  return res;
}

/** From Node 24 on a pipeline into what is over has a code of its own, and leaves its source to whoever made it. */
const OWN_CODE = Number.parseInt(process.versions.node, 10) >= 24;

for (const over of [false, true]) {
  test(`a pipeline that begins ${over ? "after" : "before"} the end of a sealed response fails`, async (t) => {
    const res = await sealed(t, over);
    const source = new Readable({ read: () => void source.push("more") });
    await assert.rejects(
      pipeline(source, res),
      /Premature close|Cannot pipe to a closed or destroyed stream/,
    );
    assert.ok(source.destroyed || (over && OWN_CODE));
  });
}

test("callbacks of what is given to a sealed response are called with an error", async (t) => {
  const res = await sealed(t, true);
  const failures: unknown[] = [];
  await new Promise<void>((resolve) => {
    const called = (error?: Error | null): void => {
      if (failures.push(error) === 5) resolve();
    };
    res.write("x", called);
    res.write("x", "latin1", called);
    res.end(called);
    res.end("x", called);
    res.end("x", "latin1", called);
  });
  for (const error of failures) {
    assert.ok(error instanceof Error && "code" in error);
    assert.equal(error.code, "ERR_STREAM_DESTROYED");
  }
});
