// A factory's arguments: JSON's values, with 'single quotes' and trailing commas allowed as well. Nothing is evaluated.

export type Literals =
  | { readonly kind: "values"; readonly values: readonly unknown[] }
  | { readonly kind: "error"; readonly what: string };

const TOKEN =
  /\s*(?:([()[\]{},:])|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.]))|(true|false|null)\b|([^\s()[\]{},:]+))/y;
const MAX_DEPTH = 64;

type Token =
  | { readonly kind: "mark"; readonly text: string }
  | { readonly kind: "value"; readonly text: string; readonly value: unknown }
  | { readonly kind: "end"; readonly text: string };

class Unparsable extends Error {}

/** Reads `("text", 1, true, null, [1], {"a": 1})`. */
export function parseLiterals(text: string): Literals {
  try {
    const tokens = tokenize(text);
    const cursor = { tokens, at: 0 };
    expect(cursor, "(");
    const values = list(cursor, ")", 0);
    const rest = next(cursor);
    if (rest.kind !== "end") throw new Unparsable(`unexpected ${rest.text} after the closing parenthesis`);
    return { kind: "values", values };
  } catch (error) {
    if (error instanceof Unparsable) return { kind: "error", what: error.message };
    throw error;
  }
}

interface Cursor {
  readonly tokens: readonly Token[];
  at: number;
}

const END: Token = { kind: "end", text: "the end" };

function next(cursor: Cursor): Token {
  return cursor.tokens[cursor.at++] ?? END;
}

function isNext(cursor: Cursor, mark: string): boolean {
  const token = cursor.tokens[cursor.at];
  return token?.kind === "mark" && token.text === mark;
}

function expect(cursor: Cursor, mark: string): void {
  const token = next(cursor);
  if (token.kind !== "mark" || token.text !== mark) {
    throw new Unparsable(`expected ${mark}, found ${token.text}`);
  }
}

/** Values up to the closing mark, which is taken as well. */
function list(cursor: Cursor, close: string, depth: number): unknown[] {
  const values: unknown[] = [];
  while (!isNext(cursor, close)) {
    values.push(value(cursor, depth));
    if (isNext(cursor, close)) break;
    expect(cursor, ",");
  }
  cursor.at++;
  return values;
}

function value(cursor: Cursor, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new Unparsable("too deeply nested");
  const token = next(cursor);
  if (token.kind === "value") return token.value;
  if (token.text === "[") return list(cursor, "]", depth + 1);
  if (token.text === "{") return object(cursor, depth + 1);
  throw new Unparsable(`expected a value, found ${token.text}`);
}

function object(cursor: Cursor, depth: number): Record<string, unknown> {
  const entries: [string, unknown][] = [];
  while (!isNext(cursor, "}")) {
    const key = next(cursor);
    if (key.kind !== "value" || typeof key.value !== "string") {
      throw new Unparsable(`expected a quoted key, found ${key.text}`);
    }
    expect(cursor, ":");
    entries.push([key.value, value(cursor, depth)]);
    if (isNext(cursor, "}")) break;
    expect(cursor, ",");
  }
  cursor.at++;
  // fromEntries defines properties: a key `__proto__` is a key like any other.
  return Object.fromEntries(entries);
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const end = text.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const match = TOKEN.exec(text);
    if (match === null) throw new Unparsable("unreadable text");
    const [, mark, quoted, number, word, other] = match;
    if (mark !== undefined) tokens.push({ kind: "mark", text: mark });
    else if (quoted !== undefined) tokens.push({ kind: "value", text: quoted, value: unquote(quoted) });
    else if (number !== undefined) tokens.push({ kind: "value", text: number, value: Number(number) });
    else if (word !== undefined) tokens.push({ kind: "value", text: word, value: JSON.parse(word) });
    else throw new Unparsable(explain(other ?? ""));
  }
  return tokens;
}

/** From single quotes to JSON's double ones. */
const REQUOTED: Readonly<Record<string, string>> = { '"': '\\"', "\\'": "'" };

function unquote(quoted: string): string {
  const inner = quoted.slice(1, -1);
  const json = quoted.startsWith("'") ? inner.replace(/\\.|"/gs, (part) => REQUOTED[part] ?? part) : inner;
  try {
    return String(JSON.parse(`"${json}"`));
  } catch {
    throw new Unparsable(`${quoted} is not a valid string`);
  }
}

function explain(word: string): string {
  if (/^["']/.test(word)) return `the string ${word} is not closed`;
  const python = { True: "true", False: "false", None: "null" }[word];
  if (python !== undefined) return `${word} is written ${python} here`;
  if (word.includes("=")) return `${word} is a keyword argument: pass an object, {"name": value}`;
  return `${word} is not a literal value`;
}
