import assert from "node:assert/strict";
import { deeds, type Scenario, serving, usual } from "../scenario.ts";

const ends = / reloadEnded/;

export const control: readonly Scenario[] = [
  {
    name: "scale sets the number of workers at once, up and down",
    play(begin) {
      const world = begin();
      world.at(1_000, "scaleTo5");
      world.at(5_000, "scaleTo5");
      world.at(6_000, "scaleTo1");
      world.run(10_000);
      assert.deepEqual(world.lines(/resized/), [
        "0 resized 2 was nothing",
        "1000 resized 5 was 2",
        "6000 resized 1 was 5",
      ]);
      assert.equal(world.lines(/ spawn \d/).length, 5);
      assert.equal(serving(world).length, 1);
    },
  },
  {
    name: "scale during a reload that changes the number of workers has the last word",
    play(begin) {
      const world = begin();
      world.nextLoad({ ms: 0, answer: { policy: { ...usual, workers: 4 } } });
      world.at(5_000, "reload");
      world.at(5_050, "scaleTo5");
      world.run(20_000);
      assert.equal(serving(world).length, 5);
    },
  },
  {
    name: "scale down during a trial lets old workers go that still boot, and none that serves",
    play(begin) {
      const world = begin();
      // The three old ones and the two new ones take longer than the commands.
      world.at(4_900, () => world.next(...Array.from({ length: 8 }, () => ({ bootMs: 5_000 }))));
      world.at(5_000, "scaleTo5");
      world.at(5_010, "reload");
      world.at(6_000, "scaleTo1");
      world.run(6_500);
      const old = world.state().workers.filter(({ generation }) => generation === 1);
      assert.deepEqual(
        old.map(({ phase }) => phase.name),
        ["serving"],
      );
      world.run(30_000);
      assert.equal(serving(world).length, 1);
    },
  },
  {
    name: "scale while stopping changes nothing",
    play(begin) {
      const world = begin();
      world.next({ drainMs: 5_000 });
      world.at(1_000, "term");
      world.at(1_100, "scaleTo5");
      world.run(10_000);
      assert.deepEqual(deeds(world, 1_050), ["6000 exit 0"]);
    },
  },
  {
    name: "the end of a reload that goes well is told once the whole fleet is new",
    play(begin) {
      const world = begin();
      world.at(1_000, "reload");
      world.run(10_000);
      assert.deepEqual(world.lines(ends), ["1200 reloadEnded well"]);
    },
  },
  {
    name: "the end of a reload that fails is told with the reason",
    play(begin) {
      const world = begin();
      world.at(900, () => world.next({ bootExit: { status: 4, reason: "there is no such module" } }));
      world.at(1_000, "reload");
      world.nextLoad(
        { ms: 0, answer: { policy: usual } },
        { ms: 0, answer: { reason: "workers: expected a number" } },
      );
      world.at(3_000, "reload");
      world.run(10_000);
      assert.deepEqual(world.lines(ends), [
        "1100 reloadEnded Reload aborted, generation 1 serves on: there is no such module",
        "3000 reloadEnded Reload aborted, generation 1 serves on: workers: expected a number",
      ]);
    },
  },
  {
    name: "a reload asked for during a reload has an end of its own",
    play(begin) {
      const world = begin();
      world.at(1_000, "reload");
      world.at(1_050, "reload");
      world.run(10_000);
      assert.deepEqual(world.lines(ends), ["1200 reloadEnded well", "1400 reloadEnded well"]);
    },
  },
  {
    name: "a stop ends the reload, and the one that waits for its turn",
    play(begin) {
      const loading = begin();
      loading.nextLoad({ ms: 500, answer: { policy: usual } });
      loading.at(1_000, "reload");
      loading.at(1_100, "term");
      loading.run(10_000);
      assert.deepEqual(loading.lines(ends), ["1100 reloadEnded The server stops"]);
      const starting = begin();
      starting.at(10, "reload");
      starting.at(20, "term");
      starting.run(10_000);
      assert.deepEqual(starting.lines(ends), ["20 reloadEnded The server stops"]);
    },
  },
];
