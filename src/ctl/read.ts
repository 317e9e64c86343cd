// Reads what a server of another version may have answered.

export type Fields = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const records = (value: unknown): Fields[] => (Array.isArray(value) ? value.filter(isRecord) : []);

/** 0 where there is none. */
export function number(fields: Fields, name: string): number {
  const value = fields[name];
  return typeof value === "number" ? value : 0;
}

/** `-` where there is none. */
export function text(fields: Fields, name: string): string {
  const value = fields[name];
  return typeof value === "string" && value !== "" ? value : "-";
}

/** Control characters are not for a terminal. */
export const printable = (lines: string): string => lines.replaceAll(/[^\P{Cc}\n]/gu, "?");
