// Every planted fault is caught: the tests of the core are tested.

import assert from "node:assert/strict";
import { test } from "node:test";
import { faults } from "./faults.ts";
import { tryFault } from "./mutants.ts";

/** So many random histories at most. Most faults are caught by the first few, some by a scenario alone. */
const HISTORIES = 300;

for (const fault of faults) {
  test(`caught: ${fault.name}`, async (t) => {
    const { scenario, history, histories } = await tryFault(fault, 1, HISTORIES);
    assert.ok(scenario !== null || history !== null, `nobody noticed in ${histories} histories`);
    t.diagnostic(`by scenario: ${scenario ?? "none"}; by history ${histories}: ${history ?? "none"}`);
  });
}
