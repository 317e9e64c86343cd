// npm sets the bit on install; a fresh clone runs the files through npx, which needs it too.
import { chmodSync } from "node:fs";

for (const bin of ["main", "ctl"]) chmodSync(new URL(`../dist/${bin}.js`, import.meta.url), 0o755);
