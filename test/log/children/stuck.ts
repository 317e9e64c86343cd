// Fills a pipe that nobody reads, says so on stderr, and exits: node stuck.js <target> <lines>

import { openDestination } from "../../../src/log/destination.ts";

const [target = "-", lines = "1"] = process.argv.slice(2);
const destination = openDestination(target, { standard: 1 });
for (let i = 0; i < Number(lines); i++) destination.write(`line ${i} ${"x".repeat(90)}`);
destination.flush();
process.stderr.write("full\n", () => process.exit(0));
