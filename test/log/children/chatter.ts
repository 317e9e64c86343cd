// Writes to stdout and stderr while they are captured: node chatter.js <error log>

import fs from "node:fs";
import { captureOutput } from "../../../src/log/capture.ts";
import { openDestination } from "../../../src/log/destination.ts";

const [target = "-"] = process.argv.slice(2);
const destination = openDestination(target);
const undo = captureOutput(destination);
console.log("first\nsecond");
console.error("an %s", "error");
process.stdout.write("in ");
process.stderr.write("between\n");
process.stdout.write("two parts\n");
const euro = Buffer.from("€\n");
process.stdout.write(euro.subarray(0, 1));
process.stdout.write(euro.subarray(1));
process.stdout.write("686578", "hex");
process.stdout.write("\n", () => {
  if (target !== "-") fs.renameSync(target, `${target}.1`);
  destination.reopen();
  console.log("after the reopen");
  undo();
  console.log("after the undo");
  captureOutput(destination);
  process.on("exit", () => process.stdout.write("at the exit"));
  process.stdout.write("unfinished");
  process.exit(0);
});
