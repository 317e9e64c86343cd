// What no setting can check alone. A list of pure functions.
import type { Problem } from "../errors.ts";
import { formatPlace } from "./address.ts";
import type { Config } from "./config.ts";
import type { SettingName } from "./settings/index.ts";

export interface Finding {
  readonly severity: "error" | "warning";
  readonly problem: Problem;
}

export type Origins = Readonly<Record<string, string>>;
export type Rule = (config: Config, origins: Origins) => readonly Finding[];

const finding = (
  severity: Finding["severity"],
  origins: Origins,
  setting: SettingName,
  what: string,
): readonly Finding[] => [{ severity, problem: { origin: origins[setting] ?? "default", setting, what } }];

/** Port 0 asks the kernel for a free port, so several of them are several ports. */
const certain = ({ bind }: Config): Config["bind"] =>
  bind.filter((address) => address.kind !== "tcp" || address.port !== 0);

const bindsOnce: Rule = (config, origins) => {
  // Whatever is spoken there: a socket is one protocol's.
  const written = certain(config).map(formatPlace);
  const twice = new Set(written.filter((address, at) => written.indexOf(address) !== at));
  return [...twice].flatMap((address) =>
    finding("error", origins, "bind", `${address} is given more than once`),
  );
};

/** Workers listen at those of `bind`: what the arbiter answers itself would be theirs, or nobody's. */
const addressOfItsOwn =
  (name: "healthBind" | "metricsBind" | "controlSocket"): Rule =>
  (config, origins) => {
    const value = config[name];
    if (value === null) return [];
    const place = typeof value === "string" ? `unix:${value}` : formatPlace(value);
    return certain(config).some((address) => formatPlace(address) === place)
      ? finding("error", origins, name, `${place} is an address of bind: it needs one of its own`)
      : [];
  };

const jitterNeedsRequests: Rule = (config, origins) =>
  config.maxRequestsJitter > 0 && config.maxRequests === 0
    ? finding("warning", origins, "maxRequestsJitter", "has no effect while maxRequests is 0")
    : [];

const jitterNeedsLifetime: Rule = (config, origins) =>
  config.maxWorkerLifetimeJitter > 0 && config.maxWorkerLifetime === 0
    ? finding("warning", origins, "maxWorkerLifetimeJitter", "has no effect while maxWorkerLifetime is 0")
    : [];

const hardAboveSoft: Rule = (config, origins) =>
  config.maxMemoryHard > 0 && config.maxMemory > config.maxMemoryHard
    ? finding(
        "error",
        origins,
        "maxMemoryHard",
        "is below maxMemory: a worker would be killed before it is replaced",
      )
    : [];

const threadsNeedThreaded: Rule = (config, origins) =>
  config.threads > 1 && config.workerClass !== "threaded"
    ? finding("warning", origins, "threads", `has no effect on ${config.workerClass} workers`)
    : [];

const connectionForEachThread: Rule = (config, origins) =>
  config.workerClass === "threaded" &&
  config.workerConnections > 0 &&
  config.workerConnections < config.threads
    ? finding(
        "warning",
        origins,
        "workerConnections",
        `is below threads: each of the ${config.threads} threads has one connection all the same`,
      )
    : [];

const initgroupsNeedsUser: Rule = (config, origins) =>
  config.initgroups && config.user === null
    ? finding("warning", origins, "initgroups", "has no effect without user")
    : [];

const daemonNeedsLog: Rule = (config, origins) =>
  config.daemon && !config.enableStdioInheritance && config.errorlog === "-"
    ? finding("warning", origins, "daemon", "nobody will see the error log: name a file with errorlog")
    : [];

/** Whether there is anything to speak TLS with. */
const hasTls = (config: Config, origins: Origins): boolean =>
  config.certfile.length > 0 || origins.sslContext !== undefined;

const keysNeedCertificates: Rule = ({ certfile, keyfile }, origins) =>
  keyfile.length > certfile.length
    ? finding("error", origins, "keyfile", "has more keys than certfile has certificates")
    : keyfile.length > 0 && keyfile.length < certfile.length
      ? finding(
          "error",
          origins,
          "keyfile",
          `has ${keyfile.length} of the keys for ${certfile.length} certificates: name one for each`,
        )
      : [];

const httpsNeedsCertificate: Rule = (config, origins) =>
  config.bind.some(({ protocol }) => protocol === "https") && !hasTls(config, origins)
    ? finding("error", origins, "bind", "https:// needs a certificate: name one with certfile")
    : [];

const certificateNeedsHttps: Rule = (config, origins) =>
  config.certfile.length > 0 &&
  config.bind.every(
    ({ protocol = config.protocol === "http" ? "https" : config.protocol }) => protocol !== "https",
  )
    ? finding("warning", origins, "certfile", "has no effect: TLS is spoken on none of the addresses")
    : [];

const clientCertificatesNeedAuthorities: Rule = (config, origins) =>
  config.certReqs !== "none" && config.caCerts === null && origins.sslContext === undefined
    ? finding(
        "error",
        origins,
        "certReqs",
        "needs the authorities to check certificates by: name them with caCerts",
      )
    : [];

const protocolsOnce: Rule = ({ httpProtocols }, origins) =>
  new Set(httpProtocols).size < httpProtocols.length
    ? finding("error", origins, "httpProtocols", "names the same version twice")
    : [];

/** What the arbiter serves itself is plain HTTP on an address of its own. */
const plainAddress =
  (name: "healthBind" | "metricsBind", who: string): Rule =>
  (config, origins) => {
    const place = config[name];
    if (place === null || place.kind === "unix" || place.kind === "tcp") {
      const { protocol = "http" } = place ?? {};
      return protocol === "http"
        ? []
        : finding("error", origins, name, `can't speak ${protocol}: ${who} HTTP`);
    }
    return finding("error", origins, name, "can't be a descriptor: name an address or unix:PATH");
  };

/** The first of each line without known holes in HTTP/2 (CVE-2026-56846, CVE-2026-56848); older lines have no such. */
const SOUND_NODES: readonly (readonly [number, number, number])[] = [
  [22, 23, 2],
  [24, 18, 1],
  [26, 5, 1],
];

/** True where this version's node:http2 has holes that are mended in another. */
export function hasHttp2Holes(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.replace(/^v/, "").split(".").map(Number);
  const sound = SOUND_NODES.find(([line]) => line === major);
  if (sound === undefined) return major < 26;
  return minor < sound[1] || (minor === sound[1] && patch < sound[2]);
}

const http2NeedsSoundNode: Rule = ({ httpProtocols }, origins) =>
  httpProtocols.includes("h2") && hasHttp2Holes(process.versions.node)
    ? finding(
        "warning",
        origins,
        "httpProtocols",
        `h2 on Node ${process.versions.node} has known holes (CVE-2026-56846, CVE-2026-56848): use ${SOUND_NODES.map((one) => one.join(".")).join(", ")} or newer`,
      )
    : [];

export const rules: readonly Rule[] = [
  bindsOnce,
  jitterNeedsRequests,
  jitterNeedsLifetime,
  hardAboveSoft,
  threadsNeedThreaded,
  connectionForEachThread,
  initgroupsNeedsUser,
  daemonNeedsLog,
  addressOfItsOwn("controlSocket"),
  addressOfItsOwn("healthBind"),
  addressOfItsOwn("metricsBind"),
  plainAddress("healthBind", "probes speak"),
  plainAddress("metricsBind", "Prometheus speaks"),
  keysNeedCertificates,
  httpsNeedsCertificate,
  certificateNeedsHttps,
  clientCertificatesNeedAuthorities,
  protocolsOnce,
  http2NeedsSoundNode,
];
