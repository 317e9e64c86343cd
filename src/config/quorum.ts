// How many of the workers are enough.
import { type Codec, scalar } from "./codec.ts";

/** A number of workers, `2`, or a share of those wanted, `50%`. */
export type Quorum = string;

export function quorum(): Codec<Quorum> {
  const read = (text: string): Quorum | undefined => {
    const [, digits, percent] = /^(\d{1,4})(%?)$/.exec(text) ?? [];
    const number = Number(digits ?? 0);
    return number >= 1 && (percent !== "%" || number <= 100) ? `${number}${percent ?? ""}` : undefined;
  };
  return scalar({
    metavar: "N|N%",
    expected: 'a number of workers >= 1, or a share of them from "1%" to "100%"',
    input: "number | string",
    schema: { type: ["integer", "string"], minimum: 1, pattern: "^\\d{1,4}%?$" },
    parse: read,
    accept: (value) => (typeof value === "number" ? read(String(value)) : undefined),
  });
}
