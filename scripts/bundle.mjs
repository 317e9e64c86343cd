// Bundles src/ into dist/: a start loads some 25 files instead of 250. See docs/decisions/0010-bundle.md for what that is worth.
import assert from "node:assert/strict";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What is started, imported or run in a thread by its path. */
const entries = [
  "main",
  "ctl",
  "index",
  "workers",
  "cli/trial-thread",
  "workers/main",
  "workers/watchdog/thread",
  "workers/threads/main",
];

for (const file of existsSync(`${root}/dist`) ? readdirSync(`${root}/dist`, { recursive: true }) : []) {
  if (/\.js(\.map)?$/.test(String(file))) rmSync(`${root}/dist/${file}`);
}
/**
 * Each entry by itself: what it shares with its own lazy parts is split off, what it shares with other entries is not, or a
 * start would load twice as many files.
 */
async function bundle(entry) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [`src/${entry}.ts`],
    outdir: "dist",
    outbase: "src",
    chunkNames: "[name]-[hash]",
    bundle: true,
    splitting: true,
    packages: "external",
    format: "esm",
    platform: "node",
    target: "node20.19",
    sourcemap: "linked",
    sourcesContent: false,
    metafile: true,
    logLevel: "warning",
  });
  // src/root.ts says where our code lies, by where it lies itself.
  for (const [file, { inputs }] of Object.entries(metafile.outputs)) {
    if ("src/root.ts" in inputs)
      assert.match(file, /^dist\/[^/]+\.js(\.map)?$/, "src/root.ts must be in a file directly in dist/");
  }
}

await Promise.all(entries.map(bundle));
