// Writes what is generated from the settings table. Usage: npm run generate
import { writeFileSync } from "node:fs";
import { jsonSchema, markdown, userConfig } from "../build/src/config/describe.js";

const files = {
  "docs/settings.md": markdown(),
  "settings.schema.json": jsonSchema(),
  "src/config/user-config.ts": userConfig(),
};
for (const [path, text] of Object.entries(files)) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
}
