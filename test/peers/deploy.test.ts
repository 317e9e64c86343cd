// docs/deploy.md shows the files that the tests run.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../process/server.ts";

/** Those that stand in front; the others have pages of their own, and tests of their own. */
const FRONTS = ["nginx", "apache", "haproxy", "caddy"];
const files = FRONTS.flatMap((front) =>
  readdirSync(join(ROOT, "deploy", front)).map((file) => `${front}/${file}`),
);

for (const file of files) {
  const name = file === "haproxy/fleet.cfg" ? "docs/scaling-out.md" : "docs/deploy.md";
  test(`${name} shows deploy/${file} as it is`, () => {
    const page = readFileSync(join(ROOT, name), "utf8");
    const shown = page.split(`\`deploy/${file}\``)[1]?.split("```")[1];
    assert.equal(shown?.replace(/^.*\n/, ""), readFileSync(join(ROOT, "deploy", file), "utf8"));
  });
}
