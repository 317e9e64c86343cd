// The version of this package, from its package.json.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../root.ts";

/** The version of this package. */
export function version(): string {
  // dist and src lie in the package, build/src of the tests one folder deeper.
  for (const up of ["../", "../../"]) {
    const manifest = readManifest(join(ROOT, up, "package.json"));
    if (manifest?.name === "tgunicorn") return manifest.version;
  }
  return "unknown";
}

function readManifest(path: string): { name: unknown; version: string } | undefined {
  try {
    const manifest: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof manifest !== "object" || manifest === null) return undefined;
    if (!("name" in manifest && "version" in manifest)) return undefined;
    return { name: manifest.name, version: String(manifest.version) };
  } catch {
    return undefined;
  }
}
