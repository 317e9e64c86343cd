#!/usr/bin/env node
// The bin that steers a running server: argv in, exit status out.

import { ctl } from "./ctl/main.ts";

process.exitCode = await ctl(process.argv.slice(2), process.stdout, process.stderr);
