import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { eventloop } from "../../../src/workers/eventloop.ts";
import { connect } from "../../contract/client.ts";
import { rig } from "../../contract/rig.ts";

const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/** Nothing happens in this process meanwhile, and every timer is late. */
function block(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

describe("an idle connection", () => {
  it("is closed when its time is up", async (t) => {
    const { port, serving } = await rig(eventloop, { keepalive: 0.1 });
    t.after(() => serving.stop());
    const client = await connect(port);
    await client.get("/");
    await client.closed();
  });

  it("is answered when its request came in time, and the process was too busy to read it", async (t) => {
    const { port, serving } = await rig(eventloop, { keepalive: 0.2 });
    t.after(() => serving.stop());
    const client = await connect(port);
    await client.get("/");
    client.send(REQUEST);
    // Some versions of Node.js give it a second more.
    block(1_500);
    assert.equal((await client.response()).status, 200);
    await client.closed();
  });

  for (const late of [false, true]) {
    it(`is answered at a stop where its request came ${late ? "a moment after" : "just before"} it`, async (t) => {
      const { port, serving } = await rig(eventloop);
      t.after(() => serving.stop());
      const client = await connect(port);
      await client.get("/");
      if (!late) client.send(REQUEST);
      const drained = serving.drain("close");
      if (late) client.send(REQUEST);
      block(500);
      const { status, headers } = await client.response();
      assert.deepEqual([status, headers.get("connection")], [200, "close"]);
      client.end();
      await drained;
    });
  }
});

describe("a time limit of the application's own", () => {
  it("ends the connection where nobody listens for it", async (t) => {
    const { port, serving, held } = await rig(eventloop);
    t.after(() => serving.stop());
    const client = await connect(port);
    client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    const { res } = await held();
    res.setTimeout(10);
    await client.closed();
  });

  it("is the application's to deal with where it listens", async (t) => {
    const { port, serving, held } = await rig(eventloop);
    t.after(() => serving.stop());
    const client = await connect(port);
    client.send("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    const { res } = await held();
    res.setTimeout(10);
    await once(res, "timeout");
    res.end("late");
    assert.equal((await client.response()).body, "late");
  });
});
