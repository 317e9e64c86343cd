// Finds and imports the application that `module:attribute` names.

import { serverError } from "../errors.ts";
import { asFactory, findExport, missingValue } from "./loader/exports.ts";
import { importModule } from "./loader/import.ts";
import { resolveModule } from "./loader/resolve.ts";
import { parseAppUri } from "./loader/uri.ts";

export interface LoadOptions {
  /** Where modules and packages are looked for: the `chdir` setting, an absolute path. */
  readonly cwd: string;
}

/**
 * Loads the application: `module`, `module:attribute`, `module:dotted.attribute` or `module:factory("arg", 1)`.
 * Without an attribute, `application`, `app` and `default` are looked for, in this order, then what a CommonJS module
 * exports as a whole. A promise is awaited.
 *
 * Throws errors of the catalogue with exit status 4: APP_URI, APP_NOT_FOUND, APP_ATTRIBUTE, APP_FAILED.
 */
export async function loadApplication(uri: string, options: LoadOptions): Promise<unknown> {
  return (await loadWithModule(uri, options)).application;
}

export interface Loaded {
  readonly application: unknown;
  /** Everything that its module exports. */
  readonly exported: unknown;
}

/** The same, with what stands beside the application. */
export async function loadWithModule(uri: string, options: LoadOptions): Promise<Loaded> {
  const parsed = parseAppUri(uri);
  const file = await resolveModule(parsed.module, options.cwd);
  const exported = await attempt(file, () => importModule(file));
  const found = findExport(parsed, exported);
  const make = parsed.args === undefined ? undefined : asFactory(parsed, found.value);
  // Awaiting what is no promise is harmless but for Fastify's instances, which are started by it; that is due anyway.
  const application = await attempt(file, async () =>
    make === undefined ? found.value : Reflect.apply(make, found.owner, parsed.args ?? []),
  );
  if (application === undefined || application === null) throw missingValue(parsed, application);
  return { application, exported };
}

/** What loads have failed with. To describe it takes a while on a busy machine. */
const failures = new WeakSet<object>();
/** Whether loadWithModule() rejects for this error, or is about to. */
export const failsLoad = (error: unknown): boolean =>
  typeof error === "object" && error !== null && failures.has(error);

async function attempt(file: string, load: () => Promise<unknown>): Promise<unknown> {
  try {
    return await load();
  } catch (error) {
    if (typeof error === "object" && error !== null) failures.add(error);
    const { describeFailure } = await import("./loader/failure.ts");
    throw serverError("APP_FAILED", { what: await describeFailure(error, file) }, error);
  }
}
