import { describe, test } from "node:test";
import { core } from "../sim/core.ts";
import { beginWith } from "./scenario.ts";
import { scenarios } from "./scenarios/all.ts";

for (const [topic, scenes] of Object.entries(scenarios)) {
  describe(topic, () => {
    for (const { name, play } of scenes) test(name, () => play(beginWith(core)));
  });
}
