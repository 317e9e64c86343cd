import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  initialState,
  step,
  type WorkerAction,
  type WorkerInput,
  type WorkerSignal,
  type WorkerState,
} from "../../src/workers/lifecycle.ts";

const signal = (name: WorkerSignal): WorkerInput => ({ type: "signal", signal: name });
const drain = (idle: "keep" | "close"): WorkerInput => ({ type: "drain", idle });
const booting: WorkerState = { name: "booting" };
const serving: WorkerState = { name: "serving" };
const draining: WorkerState = { name: "draining", idle: "keep" };
const opening: WorkerState = { name: "opening", idle: null, limit: null };
const states: readonly WorkerState[] = [initialState, booting, opening, serving, draining];

/** What happens, in words: `name[/detail]`. */
function told(state: WorkerState, ...inputs: readonly WorkerInput[]): string {
  let now = state;
  const words: string[] = [];
  for (const input of inputs) {
    const next = step(now, input);
    now = next.state;
    words.push(...next.actions.map(word));
  }
  return [...words, `-> ${now.name}`].join(" ");
}

function word(action: WorkerAction): string {
  switch (action.type) {
    case "send":
      return `send/${action.message.type}`;
    case "drain":
      return `drain/${action.idle}`;
    case "hook":
      return `hook/${action.name}`;
    case "exit":
      return `exit/${action.status}`;
    default:
      return action.type;
  }
}

describe("a worker's lifecycle", () => {
  it("goes from ready over drain to its end", () => {
    const whole = told(booting, { type: "booted" }, drain("keep"), { type: "drained" });
    assert.equal(whole, "send/ready beat drain/keep exit/0 -> gone");
  });

  it("ends at once when it is not wanted before it serves", () => {
    for (const state of [initialState, booting]) {
      for (const input of [drain("keep"), drain("close"), signal("SIGTERM"), { type: "orphaned" } as const]) {
        assert.equal(told(state, input), "exit/0 -> gone");
      }
    }
  });

  it("finishes what it has taken in while some of its threads were still to come", () => {
    const whole = told(booting, { type: "opening" }, drain("keep"), { type: "booted" }, { type: "drained" });
    assert.equal(whole, "send/ready beat drain/keep exit/0 -> gone");
    const stopped = told(opening, drain("keep"), drain("close"), drain("keep"), { type: "booted" });
    assert.equal(stopped, "send/ready beat drain/close -> draining");
    const alone = told(opening, { type: "orphaned" }, { type: "booted" });
    assert.equal(alone, "limitDrain send/ready beat drain/close -> draining");
    const twice = told(opening, signal("SIGTERM"), signal("SIGTERM"), signal("SIGTERM"), { type: "booted" });
    assert.equal(twice, "send/leaving send/ready beat drain/keep -> draining");
    const once = told(opening, signal("SIGTERM"), { type: "booted" });
    assert.equal(once, "send/ready beat send/retire -> parting");
  });

  it("asks to be replaced as soon as it can be heard", () => {
    const limit: WorkerInput = { type: "limit", reason: "enough" };
    assert.equal(told(opening, limit, limit, { type: "booted" }), "send/ready beat send/retire -> serving");
  });

  it("hears of a stop that is announced whatever it does, and goes on with that", () => {
    for (const state of [initialState, booting, serving, draining]) {
      assert.equal(told(state, { type: "announce" }), `announce -> ${state.name}`);
    }
  });

  it("ends when its last thread has, and is done by that where it drains", () => {
    const lost: WorkerInput = { type: "lost", why: "ended" };
    assert.equal(told(serving, lost), "exit/1 -> gone");
    assert.equal(told(draining, lost), "-> draining");
    assert.equal(told(booting, lost), "-> booting");
    const stuck: WorkerInput = { type: "lost", why: "stuck" };
    assert.equal(told(serving, stuck), "send/leaving exit/1 -> gone");
    assert.equal(told(draining, stuck), "-> draining");
  });

  it("tells why it could not boot", () => {
    const failed: WorkerInput = { type: "bootFailed", status: 4, reason: "no such module" };
    const crashed: WorkerInput = { type: "crashed", error: null, reason: "thrown in a timer" };
    for (const state of [booting, opening]) {
      assert.equal(told(state, failed), "send/bootFailed exit/4 -> gone");
      assert.equal(told(state, crashed), "send/bootFailed exit/3 -> gone");
    }
  });

  it("asks to be replaced on a TERM of its own, drains on the second, and says so once", () => {
    const term = signal("SIGTERM");
    assert.equal(told(serving, term), "send/retire -> parting");
    assert.equal(told(serving, term, drain("close"), term), "send/retire drain/close -> draining");
    assert.equal(told(serving, term, { type: "orphaned" }), "send/retire drain/close limitDrain -> draining");
    assert.equal(told(serving, term, { type: "lost", why: "ended" }), "send/retire exit/1 -> gone");
    assert.equal(told(serving, term, term, term), "send/retire send/leaving drain/keep -> draining");
  });

  it("lets a stop overtake a reload, and not the other way round", () => {
    assert.equal(told(serving, drain("keep"), drain("close")), "drain/keep drain/close -> draining");
    assert.equal(told(serving, drain("close"), drain("keep")), "drain/close -> draining");
    assert.equal(told(serving, drain("close"), drain("close")), "drain/close -> draining");
  });

  it("drains by itself, within limits, when the arbiter is gone", () => {
    assert.equal(told(serving, { type: "orphaned" }), "drain/close limitDrain -> draining");
    assert.equal(told(draining, { type: "orphaned" }), "drain/close limitDrain -> draining");
  });

  it("ends quickly from every state on INT, QUIT, quit and ABRT", () => {
    for (const state of states) {
      for (const input of [signal("SIGINT"), signal("SIGQUIT"), { type: "quit" } as const]) {
        assert.equal(told(state, input), "hook/workerInt exit/0 -> gone");
      }
      assert.equal(told(state, signal("SIGABRT")), "hook/workerAbort exit/1 -> gone");
    }
  });

  it("asks to be replaced at its limit, and serves on", () => {
    assert.equal(told(serving, { type: "limit", reason: "enough" }), "send/retire -> serving");
    assert.equal(told(draining, { type: "limit", reason: "enough" }), "-> draining");
  });

  it("logs a crash while it serves", () => {
    assert.equal(told(serving, { type: "crashed", error: null, reason: "" }), "logCrash exit/1 -> gone");
  });

  it("reopens its logs in every state", () => {
    for (const state of states) assert.match(told(state, signal("SIGUSR1")), /^reopenLogs -> /);
  });

  it("does nothing more once it is gone", () => {
    const inputs: readonly WorkerInput[] = [
      drain("close"),
      signal("SIGINT"),
      { type: "drained" },
      { type: "booted" },
    ];
    assert.equal(told({ name: "gone" }, ...inputs), "-> gone");
  });
});
