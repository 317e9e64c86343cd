// What a configuration file imports. No code of the server comes with it.
import type { UserConfig } from "./user-config.ts";

/** What a configuration file's function is given. */
export interface ConfigContext {
  /** The environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The directory the server was started in. */
  readonly cwd: string;
}

export type ConfigFunction = (context: ConfigContext) => UserConfig | Promise<UserConfig>;

/**
 * Gives a configuration file its types: `export default defineConfig({ workers: 4 })`, or a function of the
 * environment, sync or async, that makes such an object. It is read at the start and on every reload.
 */
export function defineConfig(config: UserConfig): UserConfig;
export function defineConfig(config: ConfigFunction): ConfigFunction;
export function defineConfig(config: UserConfig | ConfigFunction): UserConfig | ConfigFunction {
  return config;
}
