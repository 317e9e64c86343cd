// Next as an application: its request handler, from what `npm run build` has put in .next/standalone.
// Run it: npx tgunicorn -w 4 --chdir examples/next/.next/standalone app:app

import { readFileSync } from "node:fs";
import { join } from "node:path";

const dir = import.meta.dirname;

// The standalone folder has no next.config.mjs: the configuration is what the build has written down.
const { config } = JSON.parse(readFileSync(join(dir, ".next", "required-server-files.json"), "utf8"));
process.env.__NEXT_PRIVATE_STANDALONE_CONFIG = JSON.stringify(config);
process.env.NODE_ENV = "production";

const { default: next } = await import("next");
const server = next({ dev: false, dir, conf: config });
await server.prepare();

const handle = server.getRequestHandler();
export const app = (req, res) => handle(req, res);
