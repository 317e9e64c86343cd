// What is kept of a source map: its mappings as the bytes they are, and the names of its sources.

import { type Mappings, readMappings } from "./mappings.ts";
import { elements, inQuotes, members } from "./parts.ts";

/** A map, or one of those that an index map has for parts of the file. */
export interface Section {
  /** Where in the file it begins, counted from 0. */
  readonly line: number;
  readonly column: number;
  readonly mappings: Mappings;
  /** In the order of their numbers; null for those without a name. */
  readonly sources: readonly unknown[];
  /** Put before each. */
  readonly root: string;
  /** In bytes. */
  readonly size: number;
}

/** Undefined where it is no source map. Throws where it is no JSON. */
export function parseMap(json: Buffer): readonly Section[] | undefined {
  // Some tools put a line before the JSON, so that it can't be run as a script.
  const guarded = json.toString("latin1", 0, 3) === ")]}";
  const map = members(guarded ? json.subarray(json.indexOf("\n")) : json);
  const sections = map?.get("sections");
  if (map === undefined || sections === undefined) return map && [section(map, { line: 0, column: 0 })];
  return elements(sections)?.map((each) => {
    const parts = members(each);
    return section(members(parts?.get("map") ?? EMPTY), offset(parts?.get("offset")));
  });
}

const EMPTY = Buffer.from("{}");

function section(
  map: ReadonlyMap<string, Buffer> | undefined,
  offset: Pick<Section, "line" | "column">,
): Section {
  // A copy: as a part of the whole text it would keep that, the contents of all sources included.
  const mappings = Buffer.from(inQuotes(map?.get("mappings") ?? EMPTY) ?? EMPTY);
  const named = map?.get("sources");
  const sources: unknown = named && JSON.parse(named.toString());
  const given = map?.get("sourceRoot");
  const root: unknown = given && JSON.parse(given.toString());
  return {
    ...offset,
    mappings: readMappings(mappings),
    sources: Array.isArray(sources) ? sources : [],
    root: typeof root === "string" && root !== "" ? root.replace(/\/?$/, "/") : "",
    size: mappings.length + (named?.length ?? 0),
  };
}

function offset(json: Buffer | undefined): Pick<Section, "line" | "column"> {
  const value: unknown = json && JSON.parse(json.toString());
  const of = (key: string): number => {
    const number: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
    return typeof number === "number" ? number : 0;
  };
  return { line: of("line"), column: of("column") };
}
