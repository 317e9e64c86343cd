// Codecs made of other codecs: something or nothing, lists, and names with values.
import { bad, type Codec, good, type Read, scalar } from "./codec.ts";

/** `codec`'s value or null. The empty text is null. */
export function optional<T>(codec: Codec<T>): Codec<T | null> {
  return {
    ...codec,
    input: `${codec.input} | null`,
    schema: { anyOf: [codec.schema, { type: "null" }] },
    parse: (texts) => (texts.at(-1) === "" ? good<T | null>(null) : codec.parse(texts)),
    accept: (value) => (value === null || value === "" ? good<T | null>(null) : codec.accept(value)),
    format: (value) => (value === null ? [""] : codec.format(value)),
    plain: (value) => (value === null ? null : codec.plain(value)),
  };
}

interface ListOptions {
  /** True where one text holds several items with commas between them. */
  readonly commas: boolean;
  /** True where an option adds to what the option before it gave; otherwise the last one counts. */
  readonly repeatable: boolean;
  /** Completes "expected ..." where nothing is given and something must be. */
  readonly atLeastOne?: string;
}

export function list<T>(item: Codec<T>, options: ListOptions): Codec<readonly T[]> {
  const { commas, repeatable, atLeastOne } = options;
  const split = (text: string) =>
    commas
      ? text
          .split(",")
          .map((part) => part.trim())
          .filter((part) => part !== "")
      : [text];

  const gather = (reads: readonly Read<T>[], from: unknown): Read<readonly T[]> => {
    const values: T[] = [];
    for (const read of reads) {
      if (!read.ok) return read;
      values.push(read.value);
    }
    return values.length === 0 && atLeastOne !== undefined ? bad(atLeastOne, from) : good(values);
  };
  const parse = (texts: readonly string[]) =>
    gather(
      texts.flatMap(split).map((text) => item.parse([text])),
      texts.join(","),
    );

  return {
    metavar: item.metavar,
    input: `${item.input} | readonly ${item.input.includes(" ") ? `(${item.input})` : item.input}[]`,
    schema: {
      anyOf: [
        item.schema,
        { type: "array", items: item.schema, ...(atLeastOne === undefined ? {} : { minItems: 1 }) },
      ],
    },
    repeatable,
    implied: undefined,
    ...(item.offers === undefined ? {} : { offers: item.offers }),
    parse: (texts) => parse(repeatable ? texts : texts.slice(-1)),
    accept: (value) => {
      if (typeof value === "string") return parse([value]);
      if (!Array.isArray(value)) return gather([item.accept(value)], value);
      const items: readonly unknown[] = value;
      return gather(
        items.map((one) => item.accept(one)),
        items,
      );
    },
    format: (value) => {
      const texts = value.flatMap((one) => item.format(one));
      return repeatable ? texts : [texts.join(",")];
    },
    plain: (value) => value.map((one) => item.plain(one)),
  };
}

/** An object's own entries, where it is a plain object; undefined for everything else. */
export function entriesOf(value: unknown): [string, unknown][] | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : undefined;
}

const names = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** Header names with a value each; the names are kept in upper case. As text: `NAME=value,NAME=value`. */
export function headers(): Codec<Readonly<Record<string, string>>> {
  const gather = (pairs: readonly (readonly [string, unknown])[]): Record<string, string> | undefined => {
    const known: Record<string, string> = {};
    for (const [name, value] of pairs) {
      if (!names.test(name) || typeof value !== "string" || value === "") return undefined;
      known[name.toUpperCase()] = value;
    }
    return known;
  };
  return scalar({
    metavar: "NAME=VALUE,...",
    expected: "header names with a text each",
    input: "Readonly<Record<string, string>>",
    schema: { type: "object", additionalProperties: { type: "string", minLength: 1 } },
    parse: (text) =>
      gather(
        text
          .split(",")
          .filter((pair) => pair.trim() !== "")
          .map((pair) => cut(pair.trim())),
      ),
    accept: (value) => {
      const pairs = entriesOf(value);
      return pairs === undefined ? undefined : gather(pairs);
    },
    format: (value) =>
      Object.entries(value)
        .map((pair) => pair.join("="))
        .join(","),
  });
}

const cut = (pair: string): readonly [string, string] => {
  const at = pair.indexOf("=");
  return at < 0 ? [pair, ""] : [pair.slice(0, at), pair.slice(at + 1)];
};

const pair = scalar<string>({
  metavar: "KEY=VALUE",
  expected: "KEY=VALUE",
  input: "string",
  schema: { type: "string", pattern: "^[^=]+=" },
  parse: (text) => (/^[^=\0]+=[^\0]*$/.test(text) ? text : undefined),
});

/** Environment variables, each `KEY=VALUE`. A file may also give them as an object. */
export function variables(): Codec<readonly string[]> {
  const pairs = list(pair, { commas: false, repeatable: true });
  return {
    ...pairs,
    input: `${pairs.input} | Readonly<Record<string, string | number>>`,
    schema: {
      anyOf: [pairs.schema, { type: "object", additionalProperties: { type: ["string", "number"] } }],
    },
    accept: (value) => {
      const given = entriesOf(value);
      if (given === undefined) return pairs.accept(value);
      const wrong = given.find(([, one]) => typeof one !== "string" && typeof one !== "number");
      return wrong === undefined
        ? pairs.parse(given.map(([name, one]) => `${name}=${one}`))
        : bad(`text for ${wrong[0]}`, wrong[1]);
    },
  };
}
