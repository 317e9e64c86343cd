// Kinds of worker that have one request in hand: until when an application has it, whatever its client does.

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { extend } from "../../src/interfaces/deadline.ts";
import type { WorkerKind } from "../../src/workers/contract.ts";
import { type Client, connect } from "./client.ts";
import { type Held, type Rig, rig } from "./rig.ts";
import { speakers } from "./speakers.ts";

/** Server and client share this loop: by then a worker that was free would have taken what waits. */
async function turns(): Promise<void> {
  for (let i = 0; i < 50; i++) await turn();
}

type Settings = Parameters<typeof rig>[1];

export function atWork(kind: WorkerKind): void {
  const start = async (t: TestContext, settings: Settings = {}): Promise<Rig> => {
    const served = await rig(kind, settings);
    t.after(() => served.serving.stop());
    return served;
  };

  /** The application has a request of a client that leaves when `prepare` is done. */
  const leave = async (
    served: Rig,
    target: string,
    prepare: (held: Held, client: Client) => unknown = () => undefined,
  ): Promise<Held> => {
    const client = await connect(served.port);
    client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const held = await served.held();
    await prepare(held, client);
    client.destroy();
    await served.ended(target);
    return held;
  };

  /** Another request comes only when `release` has been called. */
  const waits = async ({ port, seen }: Rig, release: () => void): Promise<void> => {
    const other = await connect(port);
    const answer = other.get("/next");
    await turns();
    assert.equal(seen.includes("/next"), false, "the next request came while the application was at work");
    release();
    assert.equal((await answer).status, 200);
  };

  describe(`${kind.name}: one request at a time`, () => {
    it("works on for a client that has gone: its promise tells", async (t) => {
      const served = await start(t);
      const held = await leave(served, "/hold/async");
      await waits(served, held.done);
      assert.deepEqual(served.warnings, []);
    });

    for (const how of ["end", "destroy"] as const) {
      it(`works on for a client that has gone: ${how}() tells where there is no promise`, async (t) => {
        const served = await start(t);
        const { res } = await leave(served, "/hold");
        await waits(served, () => void res[how]());
        assert.deepEqual(served.warnings, []);
      });
    }

    for (const { protocol, ask } of speakers) {
      it(`works on for a client that has gone: ${protocol}`, async (t) => {
        const http2 = protocol === "http2";
        const settings: Settings = http2 ? { httpProtocols: ["h2", "h1"], forwardedAllowIps: ["*"] } : {};
        const served = await rig(kind, settings, undefined, http2 ? "http" : protocol);
        t.after(() => served.serving.stop());
        for (const target of ["/hold", "/hold/async"]) {
          const client = await ask(served.port, { target });
          const { res, done } = await served.held();
          client.leave();
          await served.ended(target);
          const next = `/next${target}`;
          const other = await ask(served.port, { target: next });
          await turns();
          assert.equal(served.seen.includes(next), false);
          if (target === "/hold") res.end();
          else done();
          const { status, body } = await other.answer();
          for await (const _ of body);
          assert.equal(status, 200);
        }
        assert.deepEqual(served.warnings, []);
      });
    }

    it("works on where a promise settled before its client left", async (t) => {
      const served = await start(t);
      const { res } = await leave(served, "/hold/async", async ({ done }) => {
        done();
        await turns();
      });
      await waits(served, () => void res.end());
    });

    it("pipes into an answer that nobody waits for", async (t) => {
      const served = await start(t);
      const { res } = await leave(served, "/hold");
      const endless = new Readable({ read: () => undefined });
      await waits(served, () => void endless.pipe(res));
    });

    it("works on after its answer", async (t) => {
      const served = await start(t);
      const client = await connect(served.port);
      client.send("GET /hold/async HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
      const { res, done } = await served.held();
      res.end("whole");
      await client.closed();
      await waits(served, done);
    });

    it("is not waited for where its promise would never settle", async (t) => {
      const served = await start(t);
      const endless = new Readable({ read: () => undefined });
      await leave(served, "/hold/async/download", ({ res }) =>
        endless.pipe(res).on("finish", () => undefined),
      );
      assert.equal((await (await connect(served.port)).get()).status, 200);

      const client = await connect(served.port);
      client.send("POST /hold/async/upload HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf");
      const { req } = await served.held();
      req.on("data", () => client.destroy()).on("end", () => undefined);
      assert.equal((await (await connect(served.port)).get()).status, 200);
      assert.deepEqual(served.over, ["/hold/async/download", "/", "/hold/async/upload", "/"]);
    });

    it("has not been told where a logger is", async (t) => {
      const served = await start(t);
      const logged = (): void => undefined;
      const { res } = await leave(served, "/hold", (held) =>
        held.res.on("finish", logged).on("close", logged),
      );
      await waits(served, () => void res.end());
    });

    it("is not waited for where it listens for the client's end, though its promise may never settle", async (t) => {
      const served = await start(t, { requestTimeout: 20 });
      await leave(served, "/hold/async", ({ res }) => res.once("close", () => undefined));
      assert.equal((await (await connect(served.port)).get()).status, 200);
      assert.deepEqual(served.warnings, []);
    });

    it("is not waited for where it has been told, has failed, or has let go itself", async (t) => {
      const served = await start(t, { requestTimeout: 20 });
      const endless = new Readable({ read: () => undefined });
      const ways: ((held: Held, client: Client) => unknown)[] = [
        ({ req }) => req.on("close", () => undefined),
        ({ req }) => req.on("aborted", () => undefined),
        ({ res }) => endless.pipe(res),
        ({ res }) => res.on("close", () => undefined),
        ({ res }) => res.once("close", () => undefined),
        ({ res }) => res.destroy(),
        ({ req }) => req.socket.destroy(),
        ({ exchange }) => exchange.cut(),
        ({ res, done }) => [res.end("whole"), done()],
      ];
      for (const [i, way] of ways.entries()) {
        await leave(served, `/hold/${i}`, way);
        assert.equal((await (await connect(served.port)).get()).status, 200);
      }
      assert.deepEqual(served.warnings, []);
    });

    for (const [limits, target] of [
      [{ requestTimeout: 0.2 }, "/hold"] as const,
      [{ requestTimeout: 0.2 }, "/hold/async"] as const,
      [{ requestTimeout: 0, timeout: 0.2 }, "/hold"] as const,
    ]) {
      it(`is waited for no longer than a time: ${target}, ${JSON.stringify(limits)}`, async (t) => {
        const served = await start(t, limits);
        const held = await leave(served, target);
        assert.equal((await (await connect(served.port)).get()).status, 200);
        assert.equal(served.warnings.length, 1);
        assert.match(
          served.warnings[0] ?? "",
          /^Request given up: the application still works on GET \/hold\S*, 0\.\d\d s after its client has gone\. /,
        );
        held.res.end();
        held.done();
        assert.equal((await (await connect(served.port)).get()).status, 200);
      });
    }

    it("is waited for as long as it has asked for, where that is longer than a timer can be", async (t) => {
      const served = await start(t);
      const timers = t.mock.method(globalThis, "setTimeout");
      const held = await leave(served, "/hold/async", ({ exchange }) => {
        assert.equal(extend(exchange, Number.MAX_SAFE_INTEGER), true);
      });
      const delays = timers.mock.calls.map(({ arguments: [, delay] }) => Number(delay));
      timers.mock.restore();
      assert.equal(Math.max(...delays), 2 ** 31 - 1);
      assert.equal(extend(held.exchange, 1), false);
      await waits(served, held.done);
      assert.deepEqual(served.warnings, []);
    });

    it("holds a drain up, but for no more than half of gracefulTimeout", async (t) => {
      const served = await start(t, { gracefulTimeout: 0.6 });
      const held = await leave(served, "/hold/async");
      let drained = false;
      const drain = served.serving.drain("keep").then(() => {
        drained = true;
      });
      await turns();
      assert.equal(drained, false);
      held.done();
      await drain;

      const other = await start(t, { gracefulTimeout: 0.2 });
      await leave(other, "/hold/async");
      const alive = setTimeout(() => undefined, 10_000);
      await other.serving.drain("close");
      clearTimeout(alive);
      assert.equal(other.warnings.length, 1);
    });
  });
}
