// Writes numbered lines of many lengths: node writer.js <target> <name> <lines> [exit|throw|return]

import { openDestination } from "../../../src/log/destination.ts";

const [target = "-", name = "a", lines = "1", ending = "return"] = process.argv.slice(2);
// A timer that held the process would hold it for a quarter of an hour.
const destination = openDestination(target, { standard: 1, setting: "accesslog", delay: 1_000_000 });
for (let i = 0; i < Number(lines); i++) destination.write(`${name} ${i} ${"x".repeat((i * 37) % 300)} end`);
if (ending === "exit") process.exit(0);
if (ending === "throw") throw new Error("the end");
