// Looks a few places up in the `mappings` of a source map (https://tc39.es/ecma426/#sec-mappings) without a table of
// them: for a bundle of some megabytes that takes a hundred, and seconds to make.

/** A place in a source; all count from 0. */
export interface Original {
  /** Its number among the map's `sources`. */
  readonly source: number;
  readonly line: number;
  readonly column: number;
}

export interface Mappings {
  /**
   * Where the last segment at or before this place of its line leads to; undefined where there is none, where it leads nowhere, or where
   * the text could not be read so far until `until`, on performance.now()'s clock. The next call goes on from there.
   */
  find(line: number, column: number, until: number): Original | undefined;
}

/** A segment, and how far the text was read then. */
interface Segment {
  at: number;
  line: number;
  column: number;
  /** Whether it leads to a source. The numbers below are the latest ones, which the next are relative to. */
  mapped: boolean;
  source: number;
  originalLine: number;
  originalColumn: number;
}

/** Bytes between two marks: the most that is read for a place that has been passed before. */
const STRIDE = 4_096;

const [COMMA, SEMICOLON] = [0x2c, 0x3b];
const MORE = 0b10_0000;
const NONE = 0xff;
const DIGITS = new Uint8Array(256).fill(NONE);
for (const [value, digit] of Buffer.from(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
).entries()) {
  DIGITS[digit] = value;
}

/** Of what is no such text, or goes back within a line, only what stands before that is found. */
export function readMappings(text: Uint8Array): Mappings {
  const start: Segment = {
    at: 0,
    line: 0,
    column: 0,
    mapped: false,
    source: 0,
    originalLine: 0,
    originalColumn: 0,
  };
  const head = { ...start };
  const marks: Segment[] = [start];
  let marked = 0;
  let isWhole = false;

  /** Whether the text is read past the place. */
  const reach = (line: number, column: number, until: number): boolean => {
    while (!isWhole && !isAfter(head, line, column)) {
      if (head.at - marked >= STRIDE) {
        marks.push({ ...head });
        marked = head.at;
        if (performance.now() >= until) return false;
      }
      isWhole = !advance(text, head);
    }
    return true;
  };

  return {
    find(line, column, until) {
      if (!reach(line, column, until)) return undefined;
      let found = marks.findLast((mark) => !isAfter(mark, line, column)) ?? start;
      const next = { ...found };
      while (advance(text, next) && !isAfter(next, line, column)) found = { ...next };
      // The nearest one on a line before says nothing about this place.
      if (found.line !== line || !found.mapped) return undefined;
      return { source: found.source, line: found.originalLine, column: found.originalColumn };
    },
  };
}

const isAfter = (segment: Segment, line: number, column: number): boolean =>
  segment.line > line || (segment.line === line && segment.column > column);

/** Makes `segment` the next one; false where there is none that can be read. */
function advance(text: Uint8Array, segment: Segment): boolean {
  let at = segment.at;
  for (let byte = text[at]; byte === COMMA || byte === SEMICOLON; byte = text[++at]) {
    if (byte === COMMA) continue;
    segment.line++;
    segment.column = 0;
  }
  let fields = 0;
  while (at < text.length && text[at] !== COMMA && text[at] !== SEMICOLON) {
    let value = 0;
    let shift = 0;
    let digit = MORE;
    while ((digit & MORE) !== 0) {
      digit = DIGITS[text[at++] ?? 0] ?? NONE;
      if (digit === NONE || shift > 30) return false;
      value |= (digit & 0b1_1111) << shift;
      shift += 5;
    }
    const delta = (value & 1) === 0 ? value >>> 1 : -(value >>> 1);
    if (fields === 0) {
      if (delta < 0) return false;
      segment.column += delta;
    } else if (fields === 1) segment.source += delta;
    else if (fields === 2) segment.originalLine += delta;
    else if (fields === 3) segment.originalColumn += delta;
    fields++;
  }
  segment.at = at;
  segment.mapped = fields >= 4;
  return fields > 0;
}
