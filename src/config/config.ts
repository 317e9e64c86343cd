// What the settings come to. Plain data: it travels to the workers as JSON, and loads no code there.
import type { Setting } from "./setting.ts";
import type { Settings } from "./settings/index.ts";

export type { Address, ProtocolName } from "./address.ts";
export type { RemoteAddress } from "./remote-address.ts";

/** Every setting's value, resolved and frozen. Durations are seconds, fractions allowed. */
export type Config = {
  readonly [Name in keyof Settings]: Settings[Name] extends Setting<infer Value> ? Value : never;
};

export type LogLevel = Config["loglevel"];
export type InterfaceName = Config["interface"];
