// Users and groups by name or number, from /etc/passwd and /etc/group.
import { readFileSync } from "node:fs";

export interface User {
  readonly uid: number;
  /** Undefined for a number that no entry has; the kernel takes it all the same. */
  readonly name: string | undefined;
  /** The user's primary group; undefined where there is no entry. */
  readonly gid: number | undefined;
}

export interface Group {
  readonly gid: number;
  readonly name: string | undefined;
}

/** Entries of a file in the form of passwd(5) and group(5), split at their colons. */
function entries(path: string): readonly (readonly string[])[] {
  try {
    return readFileSync(path, "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.split(":"));
  } catch {
    return []; // a container without the file has numbers only
  }
}

const isNumber = (text: string) => /^\d{1,10}$/.test(text);

/** The user of that name or number; undefined for a name that nobody has. */
export function lookupUser(written: string, file = "/etc/passwd"): User | undefined {
  const all = entries(file);
  const entry =
    all.find(([name]) => name === written) ??
    (isNumber(written) ? all.find(([, , uid]) => uid === written) : undefined);
  if (entry === undefined) {
    return isNumber(written) ? { uid: Number(written), name: undefined, gid: undefined } : undefined;
  }
  const [name, , uid, gid] = entry;
  return { uid: Number(uid), name, gid: Number(gid) };
}

/** The group of that name or number; undefined for a name that no group has. */
export function lookupGroup(written: string, file = "/etc/group"): Group | undefined {
  const all = entries(file);
  const entry =
    all.find(([name]) => name === written) ??
    (isNumber(written) ? all.find(([, , gid]) => gid === written) : undefined);
  if (entry === undefined) return isNumber(written) ? { gid: Number(written), name: undefined } : undefined;
  return { gid: Number(entry[2]), name: entry[0] };
}
