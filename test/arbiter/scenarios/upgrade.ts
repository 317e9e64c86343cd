import assert from "node:assert/strict";
import { deeds, type Scenario, serving } from "../scenario.ts";

export const upgrade: readonly Scenario[] = [
  {
    name: "USR2 starts another arbiter; TERM then leaves the sockets to it, and idle connections their time",
    play(begin) {
      const world = begin();
      world.at(5_000, "upgrade");
      world.at(6_000, "term");
      world.run(20_000);
      assert.deepEqual(deeds(world, 200), [
        "5000 upgrade",
        "6000 closeListeners handed over",
        "6000 drain 1 keep",
        "6000 drain 2 keep",
        "6050 exit 0",
      ]);
    },
  },
  {
    name: "an upgrade that does not start changes nothing, and can be tried again",
    play(begin) {
      const world = begin({}, { upgrade: () => ({ ms: 100, answer: { reason: "EACCES" } }) });
      world.at(5_000, "upgrade");
      world.at(6_000, "upgrade");
      world.run(10_000);
      assert.deepEqual(deeds(world, 200), ["5000 upgrade", "6000 upgrade"]);
      assert.equal(world.lines(/error: Upgrade failed, this arbiter serves on: EACCES/).length, 2);
      assert.deepEqual(serving(world), [1, 2]);
    },
  },
  {
    name: "an upgrade that ended leaves the sockets to the old arbiter",
    play(begin) {
      const world = begin({}, { upgrade: () => ({ ms: 100, answer: { livesMs: 1_000 } }) });
      world.at(5_000, "upgrade");
      world.at(10_000, "term");
      world.run(20_000);
      assert.equal(world.lines(/closeListeners$/).length, 1);
    },
  },
  {
    name: "USR2 during an upgrade, in one, or while stopping is ignored",
    play(begin) {
      const twice = begin();
      twice.at(5_000, "upgrade");
      twice.at(5_000, "upgrade");
      twice.at(6_000, "upgrade");
      twice.run(10_000);
      assert.deepEqual(twice.lines(/\d upgrade$/), ["5000 upgrade"]);
      const younger = begin({}, { elder: 99 });
      younger.at(5_000, "upgrade");
      younger.run(10_000);
      assert.deepEqual(younger.lines(/\d upgrade$/), []);
      const stopping = begin({ drainDelay: 2_000 });
      stopping.next({ drainMs: 2_000 });
      stopping.at(5_000, "term");
      stopping.at(6_000, "upgrade");
      stopping.at(8_000, "upgrade");
      stopping.run(20_000);
      assert.deepEqual(stopping.lines(/\d upgrade$/), []);
      assert.equal(stopping.lines(/warning: USR2 ignored/).length, 2);
    },
  },
  {
    name: "the new arbiter is promoted once the old one has ended, and may then be upgraded itself",
    play(begin) {
      const world = begin({}, { elder: 99 });
      world.at(5_000, "promoted");
      world.at(6_000, "promoted");
      world.at(7_000, "upgrade");
      world.run(10_000);
      assert.deepEqual(deeds(world, 200), ["5000 promote", "7000 upgrade"]);
    },
  },
  {
    name: "a new arbiter that is told to stop first leaves the sockets to the old one",
    play(begin) {
      const world = begin({}, { elder: 99 });
      world.at(5_000, "term");
      world.run(10_000);
      assert.equal(world.lines(/closeListeners handed over/).length, 1);
    },
  },
];
