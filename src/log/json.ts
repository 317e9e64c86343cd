// Text as JSON strings that are as harmless in a terminal and to tools that split lines as the text formats are.

import { isPlain, textOf } from "./quote.ts";

/** What JSON allows in a string but a line of a log had better not hold: C1 controls, line separators, marks of direction. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** `text` as a JSON string. */
export function jsonText(text: string): string {
  return isPlain(text) ? `"${text}"` : JSON.stringify(text).replace(UNSAFE, escaped);
}

/** Like jsonText(), for what a parser hands out with one character per byte: UTF-8 is read as such, other bytes as Latin-1. */
export function jsonBytes(value: string): string {
  return isPlain(value) ? `"${value}"` : jsonText(textOf(value) ?? value);
}
