import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { duration } from "../../src/log/in-flight.ts";
import { type Report, renderReport, slowFirst, slowTitle, workerName } from "../../src/workers/report.ts";
import type { RequestInFlight } from "../../src/workers/vitals.ts";

const request = (line: string, began: number): RequestInFlight => ({ line, client: "10.0.0.7:50000", began });
const base: Report = {
  what: "Event loop stuck for 30.0 s",
  worker: "worker=2 gen=3 pid=41",
  now: 60_000,
  requests: [],
  count: 0,
  stack: { type: "native", doing: null },
};

describe("a report", () => {
  it("is one block: who, how long, the requests, the code", () => {
    const frames = [
      { name: "price", file: "/srv/app/src/prices.ts", line: 12, column: 7 },
      { name: "", file: "/srv/app/src/app.ts", line: 40, column: 3 },
      { name: "made", file: "", line: 1, column: 1 },
    ];
    const requests = [request("GET /prices?all=1", 29_500), request("POST /x", 59_900)];
    assert.equal(
      renderReport({ ...base, requests, count: 2, stack: { type: "frames", frames } }),
      [
        "Event loop stuck for 30.0 s: worker=2 gen=3 pid=41",
        "  requests in flight:",
        "    GET /prices?all=1 from 10.0.0.7:50000 for 30.5 s",
        "    POST /x from 10.0.0.7:50000 for 0.10 s",
        "  JavaScript stack:",
        "    at price (/srv/app/src/prices.ts:12:7)",
        "    at /srv/app/src/app.ts:40:3",
        "    at made (<anonymous>:1:1)",
      ].join("\n"),
    );
  });

  it("shows of very many requests the first and the last, and how many more there are", () => {
    const requests = Array.from({ length: 128 }, (_, i) => request(`GET /${i}`, i));
    const lines = renderReport({ ...base, requests, count: 500 }).split("\n");
    assert.deepEqual(lines.slice(1, 3), [
      "  requests in flight:",
      "    GET /0 from 10.0.0.7:50000 for 60.0 s",
    ]);
    assert.deepEqual(lines.slice(20, 23), [
      "    GET /18 from 10.0.0.7:50000 for 60.0 s",
      "    and 480 more",
      "    GET /127 from 10.0.0.7:50000 for 59.9 s",
    ]);
    assert.equal(lines.length, 24);
  });

  it("shows the inner end of a very deep stack", () => {
    const frames = Array.from({ length: 200 }, (_, i) => ({
      name: `f${i}`,
      file: "/a.js",
      line: i + 1,
      column: 1,
    }));
    const lines = renderReport({ ...base, stack: { type: "frames", frames } }).split("\n");
    assert.deepEqual([lines[3], lines.at(-1)], ["    at f0 (/a.js:1:1)", "    and 160 more"]);
  });

  it("lets no request forge a line", () => {
    const text = renderReport({ ...base, requests: [request('GET /\r\n"\u0085', 0)], count: 1 });
    assert.match(text, /\n {4}GET \/\\x0D\\x0A\\"\\x85 from 10/);
  });

  const cases = [
    [
      { type: "native", doing: "read of /run/fifo" },
      "blocked in native code (read of /run/fifo), no JavaScript stack could be taken",
    ],
    [{ type: "native", doing: null }, "blocked in native code, no JavaScript stack could be taken"],
    [{ type: "debugged" }, "a debugger may be attached, no JavaScript stack was taken"],
    [{ type: "failed", reason: "no inspector" }, "no JavaScript stack could be taken: no inspector"],
    [{ type: "waiting", blocked: 0 }, "the event loop is free: the request waits for something"],
    [{ type: "waiting", blocked: 820 }, "the event loop was blocked for 0.82 s and is free again"],
    [{ type: "frames", frames: [] }, "no JavaScript is running"],
  ] as const;
  for (const [stack, words] of cases) {
    it(`says: ${words}`, () => {
      assert.deepEqual(
        renderReport({ ...base, stack })
          .split("\n")
          .slice(1),
        ["  no request in flight", `  ${words}`],
      );
    });
  }
});

describe("what slow requests are told with", () => {
  const [a, b, c] = [request("GET /a", 1_000), request("GET /b", 2_000), request("GET /c", 500)];

  it("names the longest", () => {
    assert.equal(slowTitle([a], 6_000), "Slow request: GET /a for 5.0 s");
    assert.equal(slowTitle([a, b], 6_000), "2 slow requests, the longest GET /a for 5.0 s");
  });

  it("has them before those told of earlier", () => {
    assert.deepEqual(slowFirst([a, b], [c, { ...a }, { ...b }]), [a, b, c]);
  });
});

it("names threads", () => {
  const identity = { id: 7, slot: 2, generation: 3 };
  assert.equal(workerName(identity, 41), "worker=2 gen=3 pid=41");
  assert.equal(workerName(identity, 41, 4), "worker=2 gen=3 pid=41 thread=4");
});

it("writes durations as a person reads them", () => {
  assert.deepEqual([0, 999, 1_000, 61_250, -3].map(duration), [
    "0.00 s",
    "1.00 s",
    "1.0 s",
    "61.3 s",
    "0.00 s",
  ]);
});
