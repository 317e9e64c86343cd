import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import { type ChannelProcess, isToArbiter, isToWorker, workerChannel } from "../../src/ipc/channel.ts";
import type { ToWorker } from "../../src/ipc/messages.ts";

describe("messages", () => {
  it("are known by their whole shape", () => {
    const good = [
      { type: "ready" },
      { type: "beat" },
      { type: "bootFailed", status: 4, reason: "x" },
      { type: "retire", reason: "x" },
      { type: "leaving", ending: "left", reason: "x" },
    ];
    const bad = [
      null,
      "ready",
      {},
      { type: "other" },
      { type: "bootFailed", status: 5, reason: "x" },
      { type: "retire" },
      { type: "leaving", ending: "bored", reason: "x" },
    ];
    assert.deepEqual(
      good.map(isToArbiter),
      good.map(() => true),
    );
    assert.deepEqual(
      bad.map(isToArbiter),
      bad.map(() => false),
    );
  });

  it("of the arbiter too", () => {
    const good = [
      { type: "init", identity: {}, config: {}, listeners: [] },
      { type: "drain", idle: "keep" },
      { type: "announce" },
      { type: "quit" },
      { type: "reopenLogs" },
      { type: "loglevel", level: "debug" },
    ];
    const bad = [undefined, 1, { type: "init" }, { type: "drain", idle: "maybe" }, { type: "ready" }];
    assert.deepEqual(
      good.map(isToWorker),
      good.map(() => true),
    );
    assert.deepEqual(
      bad.map(isToWorker),
      bad.map(() => false),
    );
  });
});

describe("a worker's channel", () => {
  class Fake extends EventEmitter implements ChannelProcess {
    connected = true;
    sent: unknown[] = [];
    send(
      message: unknown,
      _handle: undefined,
      _options: undefined,
      done: (error: Error | null) => void,
    ): boolean {
      if (
        message !== null &&
        typeof message === "object" &&
        "type" in message &&
        message.type === "leaving"
      ) {
        throw new Error("ERR_IPC_CHANNEL_CLOSED");
      }
      this.sent.push(message);
      done(this.sent.length > 1 ? new Error("EPIPE") : null);
      return true;
    }
  }

  it("never throws because the arbiter is gone", async () => {
    const fake = new Fake();
    const channel = workerChannel(fake);
    await channel.send({ type: "ready" });
    await channel.send({ type: "beat" });
    await channel.send({ type: "leaving", ending: "left", reason: "x" });
    fake.connected = false;
    await channel.send({ type: "beat" });
    assert.deepEqual(fake.sent, [{ type: "ready" }, { type: "beat" }]);
  });

  it("hands over what it understands", () => {
    const fake = new Fake();
    const received: ToWorker[] = [];
    let ended = 0;
    const channel = workerChannel(fake);
    channel.onMessage((message) => received.push(message));
    channel.onEnd(() => ended++);
    fake.emit("message", { type: "quit" });
    fake.emit("message", { cmd: "NODE_something" });
    fake.emit("disconnect");
    assert.deepEqual([received, ended], [[{ type: "quit" }], 1]);
  });
});
