// From root to the configured user, for good.

import type { Config } from "../config/config.ts";
import { serverError } from "../errors.ts";
import { lookupGroup, lookupUser } from "./users.ts";

/** Who workers run as, and so who must own unix sockets and log files. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

type Accounts = Pick<Config, "user" | "group">;

/** This process's rights. */
export interface Self extends Identity {
  readonly root: boolean;
}

const self = (): Self => ({
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  root: process.geteuid?.() === 0,
});

/**
 * The user and the group of the configuration, or null where it names neither. A user without a group comes with its
 * primary group: root's would come with root's files.
 * Throws USER_UNKNOWN, GROUP_UNKNOWN, GROUP_NEEDED, USER_DENIED and GROUP_DENIED.
 */
export function identityFor({ user, group }: Accounts, own: Self = self()): Identity | null {
  if (user === null && group === null) return null;
  const account = user === null ? null : lookupUser(user);
  if (account === undefined) throw serverError("USER_UNKNOWN", { name: user ?? "" });
  const team = group === null ? null : lookupGroup(group);
  if (team === undefined) throw serverError("GROUP_UNKNOWN", { name: group ?? "" });
  const uid = account?.uid ?? own.uid;
  if (!own.root) {
    if (uid !== own.uid) throw serverError("USER_DENIED", { user: user ?? "" });
    if (team !== null && team.gid !== own.gid) throw serverError("GROUP_DENIED", { group: group ?? "" });
    return { uid, gid: own.gid };
  }
  const gid = team === null ? (account === null ? own.gid : account.gid) : team.gid;
  if (gid === undefined) throw serverError("GROUP_NEEDED", { user: user ?? "" });
  return { uid, gid };
}

/** Whether dropPrivileges has something to drop. Throws as identityFor does. */
export const dropsPrivileges = (config: Accounts): boolean =>
  identityFor(config) !== null && process.geteuid?.() === 0;

/** Becomes the configured group and user. Groups first, while it is still allowed. Throws where the system refuses. */
export function dropPrivileges(config: Accounts & Pick<Config, "initgroups">): void {
  const { setuid, setgid } = process;
  const identity = identityFor(config);
  if (identity === null || setuid === undefined || setgid === undefined) return;
  if (process.geteuid?.() !== 0) return; // it is who it is to be
  setSupplementaryGroups(config, identity.gid);
  setgid(identity.gid);
  setuid(identity.uid);
}

/** Otherwise the process would keep root's. */
function setSupplementaryGroups(
  { user, initgroups }: Parameters<typeof dropPrivileges>[0],
  gid: number,
): void {
  // Missing in the type, not in node: https://nodejs.org/api/process.html#processinitgroupsuser-extragroup
  const initialise: unknown = Reflect.get(process, "initgroups");
  // A number without an entry has no groups to look up.
  const name = user === null ? undefined : lookupUser(user)?.name;
  if (initgroups && name !== undefined && typeof initialise === "function") {
    Reflect.apply(initialise, process, [name, gid]);
  } else {
    process.setgroups?.([gid]);
  }
}
