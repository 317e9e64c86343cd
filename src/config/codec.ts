// A codec knows one kind of value: how it is read from text and from a file's JavaScript, and how it is written.

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  /** `what` says what was expected and what was there: `expected a whole number >= 0, got "many"`. */
  | { readonly ok: false; readonly what: string };

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a shell may offer for a value. */
export interface Offers {
  readonly words?: readonly string[];
  readonly from?: "files" | "directories" | "users" | "groups";
}

export interface Codec<T> {
  /** What stands for the value in a usage line: `INT`. */
  readonly metavar: string;
  /** TypeScript for what may be written in a configuration file. */
  readonly input: string;
  readonly schema: JsonSchema;
  /** True where an option may be given several times; each adds to a list. */
  readonly repeatable: boolean;
  /** The text a bare flag stands for. Where there is one, a value of the flag's own needs `=`, unless the setting says more. */
  readonly implied: string | undefined;
  /** By default nothing. */
  readonly offers?: Offers;
  /** Reads the texts of an option or a variable. A value that is not repeatable is the last of them. */
  parse(texts: readonly string[]): Read<T>;
  /** Reads a value from a configuration file. */
  accept(value: unknown): Read<T>;
  /** Writes the value so that `parse` reads it back. */
  format(value: T): readonly string[];
  /** The value for JSON, such that `accept` reads it back. */
  plain(value: T): unknown;
}

export const good = <T>(value: T): Read<T> => ({ ok: true, value });
export const bad = <T>(expected: string, got: unknown): Read<T> => ({
  ok: false,
  what: `expected ${expected}, got ${show(got)}`,
});

const longest = 80;

/** A value in a message: strings are quoted, long ones are cut. */
export function show(value: unknown): string {
  const text = describe(value);
  return text.length > longest ? `${text.slice(0, longest - 3)}...` : text;
}

function describe(value: unknown): string {
  if (typeof value === "function") return value.name === "" ? "a function" : `the function ${value.name}`;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "symbol")
    return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return "an object"; // circular, or with a bigint in it
  }
}

interface Scalar<T> {
  readonly metavar: string;
  /** Completes "expected ...". */
  readonly expected: string;
  /** Completes it for a text that is nearly right, where more can be said. */
  readonly hint?: (text: string) => string | undefined;
  readonly input: string;
  readonly schema: JsonSchema;
  readonly implied?: string;
  readonly offers?: Offers;
  /** Undefined where the text can't be read. */
  readonly parse: (text: string) => T | undefined;
  /** For values in a file that are no strings; strings are parsed. */
  readonly accept?: (value: unknown) => T | undefined;
  readonly format?: (value: T) => string;
  readonly plain?: (value: T) => unknown;
}

/** A codec for one value that has one text. */
export function scalar<T extends {}>(spec: Scalar<T>): Codec<T> {
  const read = (value: T | undefined, from: unknown): Read<T> => {
    if (value !== undefined) return good(value);
    const hint = typeof from === "string" ? spec.hint?.(from) : undefined;
    return bad(hint ?? spec.expected, from);
  };
  return {
    metavar: spec.metavar,
    input: spec.input,
    schema: spec.schema,
    repeatable: false,
    implied: spec.implied,
    ...(spec.offers === undefined ? {} : { offers: spec.offers }),
    parse(texts) {
      const text = texts.at(-1) ?? "";
      return read(spec.parse(text), text);
    },
    accept: (value) => read(typeof value === "string" ? spec.parse(value) : spec.accept?.(value), value),
    format: (value) => [spec.format?.(value) ?? String(value)],
    plain: (value) => (spec.plain === undefined ? value : spec.plain(value)),
  };
}

export function int({ min, max = Number.MAX_SAFE_INTEGER }: { min: number; max?: number }): Codec<number> {
  const bounded = max < Number.MAX_SAFE_INTEGER;
  const within = (n: unknown) =>
    typeof n === "number" && Number.isSafeInteger(n) && n >= min && n <= max ? n : undefined;
  return scalar({
    metavar: "INT",
    expected: bounded ? `a whole number from ${min} to ${max}` : `a whole number >= ${min}`,
    input: "number",
    schema: bounded ? { type: "integer", minimum: min, maximum: max } : { type: "integer", minimum: min },
    parse: (text) => (/^[+-]?\d+$/.test(text) ? within(Number(text)) : undefined),
    accept: within,
  });
}

// A Node timer above 2^31 - 1 milliseconds fires at once instead: https://nodejs.org/api/timers.html
const longestTimer = 2_147_483;

/** A duration in seconds; fractions are welcome. */
export function seconds(): Codec<number> {
  const within = (n: unknown) => (typeof n === "number" && n >= 0 && n <= longestTimer ? n : undefined);
  return scalar({
    metavar: "SECONDS",
    expected: `a number of seconds >= 0 and <= ${longestTimer}`,
    input: "number",
    schema: { type: "number", minimum: 0, maximum: longestTimer },
    parse: (text) => (/^\+?(\d+\.?\d*|\.\d+)$/.test(text) ? within(Number(text)) : undefined),
    accept: within,
    format: decimal,
  });
}

/** Digits without an exponent: String(1e-7) is not what a person would write. */
const decimal = (n: number): string => {
  const text = String(n);
  return text.includes("e") ? n.toFixed(20).replace(/0+$/, "") : text;
};

const truths: Readonly<Record<string, boolean>> = { true: true, false: false };

export function bool(): Codec<boolean> {
  return scalar({
    metavar: "BOOL",
    expected: "true or false",
    input: "boolean",
    schema: { type: "boolean" },
    implied: "true",
    parse: (text) => (Object.hasOwn(truths, text) ? truths[text] : undefined),
    accept: (value) => (typeof value === "boolean" ? value : undefined),
  });
}

/** Text of any content; `expected` is given where it must not be empty. */
export function string({
  metavar = "STRING",
  expected,
  offers,
}: {
  metavar?: string;
  expected?: string;
  offers?: Offers;
} = {}): Codec<string> {
  return scalar({
    metavar,
    expected: expected ?? "text",
    input: "string",
    ...(offers === undefined ? {} : { offers }),
    schema: expected === undefined ? { type: "string" } : { type: "string", minLength: 1 },
    // A NUL can be in no path, argument or environment variable.
    parse: (text) => ((expected !== undefined && text === "") || text.includes("\0") ? undefined : text),
  });
}

export const path = (): Codec<string> =>
  string({ metavar: "PATH", expected: "a path", offers: { from: "files" } });

export const folder = (): Codec<string> =>
  string({ metavar: "PATH", expected: "a path", offers: { from: "directories" } });

/** A user or a group by its name or its number; kept as it was written. */
export function account(kind: "user" | "group"): Codec<string> {
  return scalar({
    metavar: kind.toUpperCase(),
    expected: `the name or the number of a ${kind}`,
    input: "string | number",
    schema: { type: ["string", "integer"], minimum: 0 },
    offers: { from: kind === "user" ? "users" : "groups" },
    parse: (text) => (/^[^\s:\0]+$/.test(text) ? text : undefined),
    accept: (value) =>
      typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? String(value) : undefined,
  });
}

/** One of some words. `same` holds JavaScript values that stand for a word, and `implied` is what the bare flag means. */
export function oneOf<const Word extends string>(
  words: readonly Word[],
  { implied, same = new Map() }: { implied?: Word; same?: ReadonlyMap<unknown, Word> } = {},
): Codec<Word> {
  const find = (text: string) => words.find((word) => word.toLowerCase() === text.toLowerCase());
  const literals = [...words.map((word) => JSON.stringify(word)), ...[...same.keys()].map(String)];
  return scalar<Word>({
    metavar: words.join("|"),
    expected: `one of ${words.join(", ")}`,
    input: literals.join(" | "),
    schema: { enum: [...words, ...same.keys()] },
    offers: { words },
    ...(implied === undefined ? {} : { implied }),
    parse: find,
    accept: (value) => same.get(value),
  });
}

/** A file mode mask. As Gunicorn reads them: `022` and `0o22` are octal, `0x12` and `18` are 18. */
export function umask(): Codec<number> {
  const within = (n: unknown) =>
    typeof n === "number" && Number.isSafeInteger(n) && n >= 0 && n <= 0o777 ? n : undefined;
  const number = (text: string) => {
    if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
    return /^(0o[0-7]+|0x[\da-f]+|\d)/i.test(text) && !/^0\d/.test(text) ? Number(text) : undefined;
  };
  return scalar({
    metavar: "MASK",
    expected: "a file mode mask from 0 to 0777",
    input: "number | string",
    schema: { type: ["integer", "string"], minimum: 0, maximum: 0o777 },
    parse: (text) => within(number(text)),
    accept: within,
    format: (value) => (value === 0 ? "0" : `0${value.toString(8)}`),
  });
}

/** A file's mode, in octal as `chmod` has it. */
export function mode(): Codec<number> {
  const within = (n: unknown) =>
    typeof n === "number" && Number.isSafeInteger(n) && n >= 0 && n <= 0o777 ? n : undefined;
  return scalar({
    metavar: "MODE",
    expected: "a file mode from 0 to 0777, in octal",
    input: "number | string",
    schema: { type: ["integer", "string"], minimum: 0, maximum: 0o777 },
    parse: (text) =>
      /^(0o)?[0-7]{1,4}$/i.test(text) ? within(Number.parseInt(text.replace(/^0o/i, ""), 8)) : undefined,
    accept: within,
    format: (value) => value.toString(8).padStart(4, "0"),
  });
}
