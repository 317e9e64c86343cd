import assert from "node:assert/strict";
import { deeds, type Scenario } from "../scenario.ts";

const NEVER = Number.POSITIVE_INFINITY;

export const stop: readonly Scenario[] = [
  {
    name: "TERM closes the listeners, drains all, and exits 0 with the last",
    play(begin) {
      const world = begin();
      world.next({}, { drainMs: 3_000 });
      world.at(5_000, "term");
      world.run(60_000);
      assert.deepEqual(deeds(world, 200), [
        "5000 closeListeners",
        "5000 drain 1 close",
        "5000 drain 2 close",
        "8000 exit 0",
      ]);
      assert.deepEqual(world.lines(/complete/).slice(-1), ["8000 info: Stop complete"]);
    },
  },
  {
    name: "TERM kills at the end of gracefulTimeout",
    play(begin) {
      const world = begin({ gracefulTimeout: 10_000 });
      world.next({}, { drainMs: NEVER });
      world.at(5_000, "term");
      world.run(60_000);
      assert.deepEqual(world.lines(/ kill |exit \d/), ["15000 kill 2 SIGKILL, explained", "15001 exit 0"]);
    },
  },
  {
    name: "TERM ends a worker that is still starting after two seconds, and that is no warning",
    play(begin) {
      const world = begin();
      world.next({ bootMs: NEVER, quitMs: NEVER });
      world.at(1_000, "term");
      world.run(60_000);
      assert.deepEqual(world.lines(/ kill |Killing|exit \d/), [
        "3000 info: Killing worker=1 gen=1 pid=1001: it was still starting, nothing is lost",
        "3000 kill 1 SIGKILL",
        "3001 exit 0",
      ]);
    },
  },
  {
    name: "INT is quick: two seconds at the most",
    play(begin) {
      const world = begin();
      world.next({}, { quitMs: NEVER });
      world.at(5_000, "int");
      world.run(60_000);
      assert.deepEqual(deeds(world, 200), [
        "5000 closeListeners",
        "5000 quit 1",
        "5000 quit 2",
        "7000 kill 2 SIGKILL",
        "7001 exit 0",
      ]);
    },
  },
  {
    name: "INT after TERM makes it quick, INT once more ends it now",
    play(begin) {
      const world = begin();
      world.next({ drainMs: NEVER, quitMs: NEVER });
      world.at(5_000, "term");
      world.at(6_000, "int");
      world.at(6_500, "int");
      world.run(60_000);
      assert.deepEqual(world.lines(/closeListeners|quit| kill |exit \d/), [
        "5000 closeListeners",
        "6000 quit 1",
        "6500 kill 1 SIGKILL",
        "6501 exit 0",
      ]);
    },
  },
  {
    name: "TERM after INT does not make it slower",
    play(begin) {
      const world = begin();
      world.next({ quitMs: NEVER, drainMs: NEVER });
      world.at(5_000, "int");
      world.at(5_500, "term");
      world.run(60_000);
      assert.deepEqual(world.lines(/ kill |exit \d/), ["7000 kill 1 SIGKILL", "7001 exit 0"]);
    },
  },
  {
    name: "INT near the end of TERM's time gives nobody longer",
    play(begin) {
      const world = begin({ gracefulTimeout: 10_000 });
      world.next({ quitMs: NEVER, drainMs: NEVER });
      world.at(5_000, "term");
      world.at(14_000, "int");
      world.run(60_000);
      assert.deepEqual(world.lines(/ kill /), ["15000 kill 1 SIGKILL"]);
    },
  },
  {
    name: "TERM while booting: the unborn quit, nothing is spawned, exit 0",
    play(begin) {
      const world = begin();
      world.next({}, { bootMs: 5_000, quitMs: NEVER });
      world.at(1_000, "term");
      world.run(60_000);
      assert.deepEqual(deeds(world, 200), [
        "1000 closeListeners",
        "1000 drain 1 close",
        "1000 withdraw 2 close",
        "3000 kill 2 SIGKILL",
        "3001 exit 0",
      ]);
    },
  },
  {
    name: "TERM lets a worker finish that served already when it was not known to",
    play(begin) {
      const world = begin({ workers: 1, gracefulTimeout: 10_000 });
      world.next({ bootMs: 900, openMs: 600, drainMs: 7_000 });
      world.at(1_000, "term");
      world.run(60_000);
      assert.deepEqual(world.lines(/withdraw| kill | exit \d/), ["1000 withdraw 1 close", "8500 exit 0"]);
    },
  },
  {
    name: "TERM gives such a worker no longer than the others",
    play(begin) {
      const world = begin({ workers: 1, gracefulTimeout: 10_000 });
      world.next({ bootMs: 900, openMs: 1_600, drainMs: NEVER });
      world.at(1_000, "term");
      world.run(60_000);
      assert.deepEqual(world.lines(/withdraw| kill /), [
        "1000 withdraw 1 close",
        "11000 kill 1 SIGKILL, explained",
      ]);
    },
  },
  {
    name: "a smaller target lets such a worker finish too",
    play(begin) {
      const world = begin({ gracefulTimeout: 10_000 });
      world.at(900, () => world.next({ bootMs: 50, openMs: 500, drainMs: 7_000 }));
      world.at(1_000, "more");
      world.at(1_100, "fewer");
      world.run(20_000);
      assert.deepEqual(world.lines(/withdraw|drain| kill |Worker exited/), [
        "1100 withdraw 3 keep",
        "8550 info: Worker exited: worker=3 gen=1 pid=1003",
      ]);
    },
  },
  {
    name: "INT makes no exception for a worker that says it is ready late",
    play(begin) {
      const world = begin({ workers: 1 });
      world.next({ bootMs: 900, openMs: NEVER, quitMs: NEVER });
      world.at(1_000, "int");
      world.at(2_500, () => world.send({ type: "ready", id: 1 }));
      world.run(60_000);
      assert.deepEqual(world.lines(/quit| kill /), ["1000 quit 1", "3000 kill 1 SIGKILL"]);
    },
  },
  {
    name: "TERM during a reload abandons the trial and drains both generations",
    play(begin) {
      const world = begin();
      world.at(4_000, () => world.next({ bootMs: 5_000 }));
      world.at(5_000, "reload");
      world.at(6_000, "term");
      world.run(60_000);
      assert.deepEqual(deeds(world, 6_000), [
        "6000 closeListeners",
        "6000 abandon 2",
        "6000 drain 1 close",
        "6000 drain 2 close",
        "6000 withdraw 3 close",
        "6050 exit 0",
      ]);
    },
  },
  {
    name: "TERM tells those that drain for a reload to close their idle connections, within the time they have",
    play(begin) {
      const world = begin({ workers: 1, gracefulTimeout: 10_000 });
      world.next({ drainMs: NEVER });
      world.at(5_000, "reload");
      world.at(8_000, "term");
      world.run(60_000);
      assert.deepEqual(world.lines(/drain 1| kill /), [
        "5100 drain 1 keep",
        "8000 drain 1 close",
        "15100 kill 1 SIGKILL, explained",
      ]);
    },
  },
  {
    name: "nothing brings a stopping arbiter back to life",
    play(begin) {
      const world = begin();
      world.next({ drainMs: 5_000 }, { drainMs: 5_000 });
      world.at(5_000, "term");
      for (const deed of ["reload", "more", "fewer", "pause", "term"] as const) world.at(6_000, deed);
      world.run(60_000);
      assert.deepEqual(deeds(world, 5_500), ["10000 exit 0"]);
    },
  },
  {
    name: "drainDelay: TERM serves on for a while, also replacing the dead, before it drains",
    play(begin) {
      const world = begin({ drainDelay: 5_000 });
      world.next({ dieAt: 11_900 });
      world.at(10_000, "term");
      world.at(12_000, "reload");
      world.at(13_000, "term");
      world.run(60_000);
      assert.deepEqual(deeds(world, 200), [
        "10000 announce 1",
        "10000 announce 2",
        "12000 spawn 3 slot=1 gen=1",
        "12000 announce 3",
        "15000 closeListeners",
        "15000 drain 2 close",
        "15000 drain 3 close",
        "15050 exit 0",
      ]);
    },
  },
  {
    name: "HUP changes nothing any more once a stop is announced or under way, and the log says so",
    play(begin) {
      const world = begin({ drainDelay: 5_000 });
      world.next({ drainMs: 4_000 });
      world.at(10_000, "term");
      world.at(12_000, "reload");
      world.at(16_000, "reload");
      world.run(60_000);
      assert.deepEqual(world.lines(/Reload|loadConfig|reloadEnded|exit \d/), [
        "12000 warning: Reload ignored: the arbiter is stopping",
        "15000 reloadEnded The server stops",
        "16000 warning: Reload ignored: the arbiter is stopping",
        "19000 exit 0",
      ]);
    },
  },
  {
    name: "INT does not wait for drainDelay",
    play(begin) {
      const world = begin({ drainDelay: 5_000 });
      world.at(10_000, "term");
      world.at(11_000, "int");
      world.run(60_000);
      assert.deepEqual(deeds(world, 200), [
        "10000 announce 1",
        "10000 announce 2",
        "11000 closeListeners",
        "11000 quit 1",
        "11000 quit 2",
        "11010 exit 0",
      ]);
    },
  },
  {
    name: "without workers a stop is immediate",
    play(begin) {
      const world = begin({ workers: 0 });
      world.at(1_000, "term");
      world.run(5_000);
      assert.deepEqual(deeds(world, 500), ["1000 closeListeners", "1000 exit 0"]);
    },
  },
  {
    name: "a stuck worker does not hold up the stop",
    play(begin) {
      const world = begin({ timeout: 5_000, gracefulTimeout: 20_000 });
      world.next({ freezeAt: 4_900, ignoresAbrt: true });
      world.at(9_500, "term");
      world.run(60_000);
      assert.deepEqual(world.lines(/ kill |exit \d/), [
        "9100 kill 1 SIGABRT",
        "10100 kill 1 SIGKILL",
        "10101 exit 0",
      ]);
    },
  },
];
