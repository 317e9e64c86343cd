// The shape of one setting. A setting knows its words and where it may be given; its codec knows the values.
import type { Codec } from "./codec.ts";

/** When a changed value takes hold on a reload. */
export type Takes = "at once" | "new workers" | "restart";

/** What a default may depend on. */
export interface Start {
  /** The directory the server was started in. */
  readonly cwd: string;
}

export interface EnvironmentSource {
  readonly name: string;
  /** Makes the variable's text into the setting's, where it is not the same. */
  readonly text?: {
    /** Undefined where the variable holds something else than `expected`. */
    from(value: string): string | undefined;
    readonly expected: string;
  };
}

export interface Setting<T> {
  readonly codec: Codec<T>;
  readonly default: T;
  /** As written on a command line, the first being the one to show: `["--workers", "-w"]`. */
  readonly flags: readonly string[];
  /** True where the value of a flag that can do without one may be the next word all the same, if it fits. */
  readonly valueMayFollow?: true;
  readonly environment?: EnvironmentSource;
  /** Other names a file may use. Gunicorn's snake_case needs no mention. */
  readonly aliases?: readonly string[];
  /** False where a configuration file can't set it. */
  readonly inFile?: false;
  readonly takes: Takes;
  /** One sentence. */
  readonly summary: string;
  /** Markdown for the reference page. */
  readonly details?: string;
  /** Completes a value by what is known at the start, such as a path by the directory. */
  settle?(value: T, start: Start): T;
}

/** A setting's type is its codec's: the default has to fit it. */
export const setting = <T>(codec: Codec<T>, rest: Omit<Setting<NoInfer<T>>, "codec">): Setting<T> => ({
  codec,
  ...rest,
});

/** Settings that belong together under one heading. */
export interface Section {
  readonly title: string;
  readonly settings: Readonly<Record<string, Setting<unknown>>>;
}
