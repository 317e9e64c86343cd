// What this process was started with: sockets from systemd, and the sockets and the place of an arbiter that it is to
// replace. Told by environment variables, which are removed: they are meant for this process and no other.

/** A socket that systemd passed: https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html */
export interface PassedSocket {
  readonly fd: number;
  /** FileDescriptorName= of its unit; empty where none was told. */
  readonly name: string;
}

/** A listening socket of another arbiter. */
export interface HandedSocket {
  readonly fd: number;
  /** `identityOf` the address that it was opened for. */
  readonly requested: string;
}

export interface Inheritance {
  /** The arbiter that this one is to replace; null where there is none, or it has ended already. */
  readonly elder: number | null;
  /** Whether it was started to replace one, which may have ended already. */
  readonly heir: boolean;
  /** True in the process that --daemon put into the background, and in the one that is to take its place. */
  readonly daemon: boolean;
  readonly systemd: readonly PassedSocket[];
  readonly handed: readonly HandedSocket[];
}

/** The first descriptor that systemd passes: SD_LISTEN_FDS_START. */
const FIRST_PASSED = 3;
/** More would be no number of systemd's. */
const MOST_PASSED = 4_096;

const numberIn = (text: string | undefined): number | null =>
  text !== undefined && /^[1-9]\d{0,9}$/.test(text) ? Number(text) : null;

/** Reads the variables and deletes them from `env`. `pid` and `ppid` are this process's. */
export function takeInheritance(env: NodeJS.ProcessEnv, pid: number, ppid: number): Inheritance {
  const take = (name: string): string | undefined => {
    const text = env[name];
    delete env[name];
    return text;
  };
  const elder = numberIn(take("TGUNICORN_PID"));
  const handed = take("TGUNICORN_FDS");
  const parent = numberIn(take("TGUNICORN_DAEMON"));
  const [listenPid, count, names] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"].map(take);
  // A starter can't know our pid: it names its own in both places.
  const meant = [pid, elder, parent].includes(numberIn(listenPid) ?? -1);
  return {
    elder: elder === ppid ? elder : null,
    heir: elder !== null,
    // An heir is where its elder was, also where that has just ended.
    daemon: parent !== null || elder !== null,
    systemd: meant ? passed(numberIn(count) ?? 0, names) : [],
    handed: elder === null ? [] : (handed ?? "").split(",").flatMap(handedSocket),
  };
}

function passed(count: number, names: string | undefined): PassedSocket[] {
  const all = (names ?? "").split(":");
  return Array.from({ length: Math.min(count, MOST_PASSED) }, (_, index) => ({
    fd: FIRST_PASSED + index,
    name: all[index] ?? "",
  }));
}

function handedSocket(entry: string): HandedSocket[] {
  const [name = "", fd] = entry.split("=");
  const number = numberIn(fd);
  return number === null ? [] : [{ fd: number, requested: decodeURIComponent(name) }];
}

/** The descriptors from 3 on, and the variables, by which a child of this process becomes its heir. */
export interface Bequest {
  readonly descriptors: readonly number[];
  readonly variables: Readonly<Record<string, string>>;
}

/** Passes on what systemd gave, to the same descriptors. */
export function bequeathPassed(systemd: readonly PassedSocket[], pid: number): Bequest {
  if (systemd.length === 0) return { descriptors: [], variables: {} };
  return {
    descriptors: systemd.map(({ fd }) => fd),
    variables: {
      LISTEN_PID: String(pid),
      LISTEN_FDS: String(systemd.length),
      LISTEN_FDNAMES: systemd.map(({ name }) => name).join(":"),
    },
  };
}

/** All that the arbiter `pid` leaves to the one that is to replace it. Sockets of systemd's may be in both lists. */
export function bequeath(
  systemd: readonly PassedSocket[],
  sockets: readonly HandedSocket[],
  pid: number,
): Bequest {
  const first = bequeathPassed(systemd, pid);
  const others = sockets.filter(({ fd }) => !first.descriptors.includes(fd));
  const handed = others.map(
    ({ requested }, index) =>
      `${encodeURIComponent(requested)}=${FIRST_PASSED + first.descriptors.length + index}`,
  );
  return {
    descriptors: [...first.descriptors, ...others.map(({ fd }) => fd)],
    variables: { ...first.variables, TGUNICORN_PID: String(pid), TGUNICORN_FDS: handed.join(",") },
  };
}
