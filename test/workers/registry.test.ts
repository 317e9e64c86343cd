import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkWorkerClass, loadWorkerKind } from "../../src/workers/registry.ts";

const own = { name: "mine", serve: () => Promise.reject(new Error("never called")) };
const importing = (loaded: unknown) => () => Promise.resolve(loaded);

describe("loadWorkerKind", () => {
  it("knows its own, and Gunicorn's names for them", async () => {
    for (const [name, kind] of [
      ["sync", "sync"],
      ["eventloop", "eventloop"],
      ["gevent", "eventloop"],
      ["asgi", "eventloop"],
    ] as const) {
      assert.equal((await loadWorkerKind(name, "/")).name, kind);
    }
  });

  it("loads the user's, however it is exported", async () => {
    for (const loaded of [{ default: own }, { worker: own }, own]) {
      assert.equal(await loadWorkerKind(import.meta.filename, "/", importing(loaded)), own);
    }
  });

  it("names the known ones and the nearest for a name it doesn't know", async () => {
    const unknown = loadWorkerKind("evntloop", "/");
    await assert.rejects(unknown, {
      code: "WORKER_CLASS_UNKNOWN",
      message: /unknown worker class "evntloop", did you mean "eventloop"\? Known: sync, threaded, eventloop/,
    });
    await assert.rejects(loadWorkerKind("tornado", "/"), { message: /"tornado"\. Known:/ });
  });

  it("says what is wrong with the user's", async () => {
    const path = import.meta.filename;
    await assert.rejects(loadWorkerKind(path, "/", importing({ default: 42 })), {
      message: /is no worker class/,
    });
    await assert.rejects(
      loadWorkerKind(path, "/", () => Promise.reject(new Error("broken"))),
      {
        code: "WORKER_CLASS_FAILED",
        message:
          /registry\.test\.js: it can't be loaded:\nError: broken\n {4}at .*registry\.test\.ts:\d+:\d+/,
      },
    );
    assert.throws(() => checkWorkerClass("./absent.ts", "/tmp"), {
      message: /\/tmp\/absent\.ts: does not exist/,
    });
  });
});
