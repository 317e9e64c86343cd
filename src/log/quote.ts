// Makes text from outside harmless in a log: no value may end its field, start a line, drive a terminal or change the
// direction of the text around it. Controls include C1 (U+0085 ends a line for many tools) and U+2028 and U+2029.

/** Anything but printable ASCII, and the two that quoting gives a meaning: nearly no value has any. */
const SUSPECT = /[^ !#-[\]-~]/;
const ALL_SUSPECT = /[^ !#-[\]-~]/g;
const UNSAFE = /["\\\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
const CONTROLS = /(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;
const NOT_A_BYTE = /[\u0100-\uffff]/;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const hex = (byte: number): string => `\\x${byte.toString(16).toUpperCase().padStart(2, "0")}`;
const escaped = (character: string): string => Array.from(Buffer.from(character, "utf8"), hex).join("");
const escapeUnlessQuote = (character: string): string => (character === '"' ? '\\"' : escaped(character));

function decoded(bytes: string): string | undefined {
  try {
    return utf8.decode(Buffer.from(bytes, "latin1"));
  } catch {
    return undefined;
  }
}

/** True for printable ASCII without quotes and backslashes, which no form of a log needs to escape. */
export const isPlain = (text: string): boolean => !SUSPECT.test(text);

/** What the bytes of `value`, one character each, stand for as UTF-8; undefined where they are none. */
export const textOf = (value: string): string | undefined =>
  NOT_A_BYTE.test(value) ? value : decoded(value);

/** `text` for one field between double quotes: `"` becomes `\"`; backslashes and control characters become `\xHH` of their UTF-8 bytes. */
export function quote(text: string): string {
  return SUSPECT.test(text) ? text.replace(UNSAFE, escapeUnlessQuote) : text;
}

/**
 * Like quote(), for what a parser hands out with one character per byte (header values, targets): bytes that are
 * UTF-8 are shown as the text they stand for, others as `\xHH`.
 */
export function quoteBytes(value: string): string {
  if (!SUSPECT.test(value)) return value;
  const text = textOf(value);
  if (text !== undefined) return text.replace(UNSAFE, escapeUnlessQuote);
  return value.replace(ALL_SUSPECT, (c) => (c === '"' ? '\\"' : hex(c.charCodeAt(0))));
}

/** Escapes control characters, but for line feeds and tabs: for text of several lines, such as a stack. */
export function withoutControls(text: string): string {
  return text.replace(CONTROLS, escaped);
}
