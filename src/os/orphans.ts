// As process 1, in a container without an init, a server becomes the parent of every process whose own parent has ended.
// libuv waits for those alone that it has started, by number, and Node has no call that waits for others: koffi, an optional
// peer, makes the call. https://man7.org/linux/man-pages/man2/wait.2.html

import { readFileSync } from "node:fs";

export interface Reaper {
  stop(): void;
}

/**
 * Milliseconds from the sign that a child has ended to a look at who it was, and to the next: libuv has waited for its own by
 * the second look, and who is still there is nobody's.
 */
const PATIENCE = 1_000;
const WNOHANG = 1;
const MISSING =
  "A process that the application has left behind has ended, and stays in the table of processes: process 1 is this server, which needs the package koffi to reap it, or an init in front (docker run --init)";

/** Waits for the children of this process that nobody here has started, when they end. Linux alone. Without koffi it warns once. */
export function reapOrphans(
  warn: (message: string) => void,
  load: () => Promise<Wait | null> = loadWait,
): Reaper {
  let timer: NodeJS.Timeout | undefined;
  let ended: readonly number[] = [];
  let waitpid: Promise<Wait | null> | undefined;

  const look = async (): Promise<void> => {
    timer = undefined;
    const before = ended;
    ended = endedChildren();
    const orphans = ended.filter((pid) => before.includes(pid));
    if (orphans.length > 0) {
      waitpid ??= load();
      const wait = await waitpid;
      if (wait === null) {
        warn(MISSING);
        return stop();
      }
      for (const pid of orphans) wait(pid, null, WNOHANG);
      ended = endedChildren();
    }
    if (ended.length > 0) soon();
  };
  const soon = (): void => {
    timer ??= setTimeout(() => void look(), PATIENCE).unref();
  };
  const stop = (): void => {
    process.off("SIGCHLD", soon);
    clearTimeout(timer);
  };
  process.on("SIGCHLD", soon);
  return { stop };
}

type Wait = (pid: number, status: null, options: number) => number;

async function loadWait(): Promise<Wait | null> {
  try {
    const { default: koffi } = await import("koffi");
    return koffi.load(null).func("int waitpid(int pid, void *status, int options)");
  } catch {
    return null;
  }
}

/** Those that are in the table of processes only because nobody has waited for them. https://man7.org/linux/man-pages/man5/proc_pid_children.5.html */
function endedChildren(): number[] {
  try {
    const children = readFileSync(`/proc/self/task/${process.pid}/children`, "latin1");
    return children.split(" ").filter(hasEnded).map(Number);
  } catch {
    return []; // not Linux, or a kernel without CONFIG_PROC_CHILDREN
  }
}

function hasEnded(pid: string): boolean {
  if (pid === "") return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("Z");
  } catch {
    return false;
  }
}
