// Sizes of memory, with or without a unit.
import { type Codec, scalar } from "./codec.ts";

const units: readonly string[] = ["", "K", "M", "G", "T"];

/** `512M`, `1.5G`, `512MiB`, `64K` or plain bytes; a unit is a power of 1024. Undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+\.?\d*|\.\d+)\s*([kmgt]?)(?:i?b)?$/i.exec(text);
  if (match === null) return undefined;
  const size = Math.round(Number(match[1]) * 1024 ** units.indexOf((match[2] ?? "").toUpperCase()));
  return Number.isSafeInteger(size) ? size : undefined;
}

/** The size in the largest unit that divides it: `512M`. */
export function formatSize(size: number): string {
  let unit = 0;
  let rest = size;
  while (rest > 0 && rest % 1024 === 0 && unit < units.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${rest}${units[unit] ?? ""}`;
}

/** A number of bytes. */
export function size(): Codec<number> {
  return scalar({
    metavar: "SIZE",
    expected: "a size such as 512M, 1.5G or a number of bytes",
    input: "number | string",
    schema: { type: ["integer", "string"], minimum: 0 },
    parse: parseSize,
    accept: (value) =>
      typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined,
    format: formatSize,
  });
}
