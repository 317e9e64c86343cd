// A head that is late by the clock, when the process was too busy to read it.

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { eventloop } from "../../../src/workers/eventloop.ts";
import { type Client, connect } from "../../contract/client.ts";
import { type Rig, rig } from "../../contract/rig.ts";

const HEAD = "GET /late HTTP/1.1\r\nHost: a\r\n\r\n";

/** Nothing happens in this process meanwhile, and every timer is late. */
function block(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  while (performance.now() < until);
}

/** A client whose connection is accepted, and what it has sent is read. */
async function begun(t: TestContext, sent: string): Promise<{ client: Client; served: Rig }> {
  const served = await rig(eventloop, { headerTimeout: 0.4 });
  t.after(() => served.serving.stop());
  const client = await connect(served.port);
  client.send(sent);
  // It comes behind the other in the kernel's queue.
  const marker = await connect(served.port);
  await marker.get("/marker");
  marker.destroy();
  return { client, served };
}

describe("a head that came in time, and the process was too busy to read it", () => {
  for (const sent of ["", HEAD.slice(0, 20)]) {
    it(`is answered: ${sent === "" ? "all of it" : "the rest of it"}`, async (t) => {
      const { client, served } = await begun(t, sent);
      client.send(HEAD.slice(sent.length));
      block(1_000);
      assert.equal((await client.response()).status, 200);
      assert.deepEqual(served.seen, ["/marker", "/late"]);
      assert.deepEqual(served.warnings, []);
      client.destroy();
    });
  }

  it("has its time anew where only its beginning was there, and no more than that", async (t) => {
    const { client } = await begun(t, "");
    client.send(HEAD.slice(0, 20));
    block(1_000);
    assert.equal((await client.response()).status, 408);
  });

  it("is refused where more of it came, and not all", async (t) => {
    const { client, served } = await begun(t, HEAD.slice(0, 20));
    client.send(HEAD.slice(20, 25));
    block(1_000);
    assert.equal((await client.response()).status, 408);
    assert.equal(served.warnings.length, 1);
  });
});
