// The hooks of a configuration file, read anew in a process that got its settings from elsewhere.
import type { ConfigContext } from "./define.ts";
import { readFile } from "./file.ts";
import { asHook, type Hooks, isHookName } from "./hooks.ts";
import { fileLayer } from "./layers.ts";

/**
 * The functions in the file at `path`. `cache` is as for readFile.
 * @throws CONFIG_FILE_FAILED with the place in the file, where one is known.
 */
export async function readHooksFile(
  path: string,
  context: ConfigContext,
  cache: Parameters<typeof readFile>[2],
): Promise<Hooks> {
  const { entries } = fileLayer(await readFile(path, context, cache));
  const given: Record<string, unknown> = {};
  for (const { target, given: value } of entries) {
    if (target.kind === "hook" && value.kind === "value")
      given[target.name] = asHook(target.name, value.value);
  }
  return isHooks(given) ? given : {};
}

const isHooks = (given: Record<string, unknown>): given is Hooks & Record<string, unknown> =>
  Object.entries(given).every(([name, value]) => isHookName(name) && typeof value === "function");
