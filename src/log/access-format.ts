// Gunicorn's access-log format, compiled once into a function from a finished exchange to its line.
// The format is Python's `%(name)s`: https://docs.gunicorn.org/en/stable/settings.html#access-log-format

import { serverError } from "../errors.ts";
import { type AccessRecord, type Atom, atom } from "./access-atoms.ts";

export type { AccessRecord } from "./access-atoms.ts";

/** What a format shows. */
export interface AccessNeeds {
  /** True where the size of the answer's body is shown. */
  /** Who asks: a connection that has been closed tells no more. */
  readonly client: boolean;
  readonly bodyBytes: boolean;
  /** True where the duration is shown. */
  readonly duration: boolean;
}

export interface AccessFormat {
  /** The line of a finished exchange, without a line feed; `durationMs` is in milliseconds. */
  readonly line: (record: AccessRecord, durationMs: number) => string;
  readonly needs: AccessNeeds;
}

type Text = (record: AccessRecord, durationMs: number) => string;

/** A value and the literal text after it. */
interface Part {
  readonly value: Text;
  after: string;
}

const PIECE = /%(?:(%)|\(([^)]*)\)([-+ #0]*)(\d*)(?:\.(\d+))?([a-zA-Z]))/y;

/**
 * Compiles a format.
 * @throws ACCESS_LOG_FORMAT, naming the part that is wrong.
 */
export function compileAccessFormat(format: string): AccessFormat {
  const { start, parts, needs } = parse(format);
  const line: Text = (record, durationMs) => {
    let text = start;
    for (const { value, after } of parts) text += value(record, durationMs) + after;
    return text;
  };
  return { line, needs };
}

function parse(format: string): { start: string; parts: readonly Part[]; needs: AccessNeeds } {
  if (format.includes("\n")) throw wrong("it must be a single line");
  const parts: Part[] = [];
  let start = "";
  const literal = (text: string): void => {
    const last = parts.at(-1);
    if (last === undefined) start += text;
    else last.after += text;
  };
  let client = false;
  let bodyBytes = false;
  let duration = false;
  let at = 0;
  while (at < format.length) {
    const percent = format.indexOf("%", at);
    if (percent === -1) break;
    literal(format.slice(at, percent));
    PIECE.lastIndex = percent;
    const match = PIECE.exec(format);
    if (match === null)
      throw wrong(`"${format.slice(percent, percent + 12)}" is not %(atom)s; write %% for a percent sign`);
    at = percent + match[0].length;
    if (match[1] === "%") {
      literal("%");
      continue;
    }
    const [written, , name = "", flags = "", width = "", precision, conversion = ""] = match;
    const found = atom(name);
    if (found === undefined) {
      throw wrong(
        `unknown atom ${written}; known are h l u t r m U q H s b B f a T D M L p trace_id span_id, {header}i, {header}o and {variable}e`,
      );
    }
    client ||= found.needs === "client";
    bodyBytes ||= found.needs === "bodyBytes";
    duration ||= found.needs === "duration";
    if (found.constant !== undefined && conversion === "s" && width === "" && precision === undefined) {
      literal(found.constant);
      continue;
    }
    const value = convert(found, { written, conversion, flags, width: Number(width), precision });
    parts.push({ value, after: "" });
  }
  literal(format.slice(at));
  return { start, parts, needs: { client, bodyBytes, duration } };
}

const wrong = (what: string): Error => serverError("ACCESS_LOG_FORMAT", { what });

/** What stands between `%(atom)` and the end, all as in Python. */
interface Conversion {
  readonly written: string;
  readonly conversion: string;
  readonly flags: string;
  readonly width: number;
  readonly precision: string | undefined;
}

function convert(found: Atom, { written, conversion, flags, width, precision }: Conversion): Text {
  const whole = conversion === "d" || conversion === "i" || conversion === "u";
  if (!whole && conversion !== "s")
    throw wrong(`${written} ends with "${conversion}"; use s, or d for a number`);
  if (whole && !found.whole) throw wrong(`${written} is text, not a number; end it with s`);
  const { text } = found;
  if (width === 0 && precision === undefined && (!whole || !/[+ ]/.test(flags))) return text;

  const left = flags.includes("-");
  const zeros = whole && !left && flags.includes("0");
  const sign = !whole ? "" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : "";
  return (record, durationMs) => {
    let value = text(record, durationMs);
    if (precision !== undefined)
      value = whole ? value.padStart(Number(precision), "0") : value.slice(0, Number(precision));
    if (zeros) return sign + value.padStart(width - sign.length, "0");
    return left ? (sign + value).padEnd(width) : (sign + value).padStart(width);
  };
}
