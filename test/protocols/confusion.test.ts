import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eventloop } from "../../src/workers/eventloop.ts";
import { fastcgiHead, scgiHead, uwsgiHead, variablesOf } from "../contract/cgi.ts";
import { connect } from "../contract/client.ts";
import { rig } from "../contract/rig.ts";

describe("an HTTP address that gets something else", () => {
  const pairs = variablesOf({});
  for (const [name, bytes] of [
    ["uwsgi", uwsgiHead(pairs)],
    ["FastCGI", fastcgiHead(1, pairs)],
    ["SCGI", scgiHead(pairs)],
  ] as const) {
    it(`names ${name} in the log`, async (t) => {
      const { port, serving, warned } = await rig(eventloop);
      t.after(() => serving.stop());
      const client = await connect(port);
      client.send(bytes.toString("latin1"));
      assert.equal((await client.response()).status, 400);
      assert.equal(await warned(), `Invalid request from ip=127.0.0.1: ${name} on an HTTP address`);
      client.destroy();
    });
  }
});
