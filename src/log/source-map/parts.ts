// The parts of a JSON text as the bytes they are, found without reading their values: those of a source map may be of many
// megabytes, and few of them are wanted. What is no JSON gives parts that are none either, or throws.

const code = (character: string): number => character.charCodeAt(0);
const [QUOTE, BACKSLASH, COMMA, COLON] = [code('"'), code("\\"), code(","), code(":")];
const OPENING: readonly number[] = [code("{"), code("[")];
const CLOSING: readonly number[] = [code("}"), code("]")];

/** An object's values by their keys; undefined where it is none. */
export function members(json: Buffer): ReadonlyMap<string, Buffer> | undefined {
  let at = afterSpace(json, 0);
  if (json[at] !== OPENING[0]) return undefined;
  const found = new Map<string, Buffer>();
  while (json[at] !== CLOSING[0]) {
    const begin = afterSpace(json, at + 1);
    if (json[begin] === CLOSING[0]) break;
    const end = endOfString(json, begin);
    const key: unknown = JSON.parse(json.toString("utf8", begin, end));
    const colon = afterSpace(json, end);
    if (json[colon] !== COLON) throw new SyntaxError("a key without a value");
    at = endOfValue(json, colon + 1);
    found.set(String(key), json.subarray(colon + 1, at));
  }
  return found;
}

/** An array's values; undefined where it is none. */
export function elements(json: Buffer): readonly Buffer[] | undefined {
  let at = afterSpace(json, 0);
  if (json[at] !== OPENING[1]) return undefined;
  const found: Buffer[] = [];
  while (json[at] !== CLOSING[1]) {
    const begin = afterSpace(json, at + 1);
    if (json[begin] === CLOSING[1]) break;
    at = endOfValue(json, begin);
    found.push(json.subarray(begin, at));
  }
  return found;
}

/** What stands between the quotes of a string, escapes as they are; undefined where it is none. */
export function inQuotes(json: Buffer): Buffer | undefined {
  const begin = afterSpace(json, 0);
  return json[begin] === QUOTE ? json.subarray(begin + 1, endOfString(json, begin) - 1) : undefined;
}

function afterSpace(json: Buffer, at: number): number {
  let next = at;
  for (let byte = json[next]; byte !== undefined && byte <= 0x20; byte = json[next]) next++;
  return next;
}

/** From its first quote to behind its last. */
function endOfString(json: Buffer, begin: number): number {
  if (json[begin] !== QUOTE) throw new SyntaxError("no string");
  // Most have no escapes, the longest included: that is much faster than byte by byte.
  const quote = json.indexOf(QUOTE, begin + 1);
  if (quote !== -1 && json[quote - 1] !== BACKSLASH) return quote + 1;
  for (let at = begin + 1; at < json.length; at++) {
    if (json[at] === BACKSLASH) at++;
    else if (json[at] === QUOTE) return at + 1;
  }
  throw new SyntaxError("a string without an end");
}

/** Where the comma or bracket stands that a value ends at. */
function endOfValue(json: Buffer, begin: number): number {
  let depth = 0;
  for (let at = begin; at < json.length; at++) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) at = endOfString(json, at) - 1;
    else if (OPENING.includes(byte)) depth++;
    else if (depth === 0 && (byte === COMMA || CLOSING.includes(byte))) return at;
    else if (CLOSING.includes(byte)) depth--;
  }
  throw new SyntaxError("a value without an end");
}
