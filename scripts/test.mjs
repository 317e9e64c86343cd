// Runs every compiled test with node's own runner. Node 20 has no globs for --test, so the files are found here.
// Usage: node scripts/test.mjs [words that a test's path must contain]
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../build/test/", import.meta.url));
const words = process.argv.slice(2);
const files = readdirSync(root, { recursive: true })
  .map(String)
  .filter((file) => file.endsWith(".test.js") && words.every((word) => file.includes(word)))
  .sort()
  .map((file) => root + file);
if (files.length === 0) {
  console.error(`no test file matches ${words.join(" ")}`);
  process.exit(1);
}
// A wait in vain is a failure with a name, and no run without an end. `spec` writes what failed once more at the end,
// where a log that is cut to its tail still has it.
const options = ["--test-reporter=spec", "--test-concurrency=2", "--test-timeout=900000"];
const run = spawnSync(process.execPath, ["--test", ...options, ...files], { stdio: "inherit" });
process.exit(run.status ?? 1);
