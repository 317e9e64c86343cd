import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address, Config, RemoteAddress } from "../../src/config/config.ts";
import { snakeCase } from "../../src/config/names.ts";
import { settingNames, settingOf } from "../../src/config/settings/index.ts";

for (const name of settingNames) {
  const { codec, default: value, summary, flags } = settingOf(name);

  test(`${name}: the default passes its own codec, from text and from a file`, () => {
    assert.deepEqual(codec.parse(codec.format(value)), { ok: true, value });
    assert.deepEqual(codec.accept(codec.plain(value)), { ok: true, value });
    assert.deepEqual(JSON.parse(JSON.stringify(value)), value);
  });

  test(`${name}: has words and flags that can be shown`, () => {
    assert.match(summary, /^[A-Z].*\.$/);
    for (const flag of flags) assert.match(flag, /^(--[a-z][a-z2_-]+|-[a-zA-Z])$/);
  });
}

test("no flag, variable or name in a file is used twice", () => {
  const all = settingNames.map(settingOf);
  const flags = all.flatMap((setting) => setting.flags);
  assert.deepEqual(flags, [...new Set(flags)]);
  const variables = all.flatMap((setting) => setting.environment?.name ?? []);
  assert.deepEqual(variables, [...new Set(variables)]);
  const names = settingNames.flatMap((name) => [
    ...new Set([name, snakeCase(name), ...(settingOf(name).aliases ?? [])]),
  ]);
  assert.deepEqual(names, [...new Set(names)]);
});

const samples: Readonly<Record<string, readonly string[][]>> = {
  bind: [
    ["1.2.3.4:5", "[::1]:0", "unix:/tmp/a b", "fd://3", "uwsgi://unix:/run/a", "scgi://[::1]:9"],
    ["example.test:80"],
  ],
  workers: [["0"], ["17"]],
  timeout: [["0"], ["0.25"], ["3600"], ["0.0000001"]],
  umask: [["0"], ["022"], ["0777"]],
  socketMode: [["0660"], ["0007"]],
  maxMemory: [["512M"], ["1536M"], ["1000"]],
  reloadExtraFiles: [["a.html", "views/**/*.{html,css}"]],
  rawEnv: [["A=1,2", "B=x=y", "C="]],
  forwardedAllowIps: [["*"], ["10.0.0.0/8,::1"]],
  secureSchemeHeaders: [["X-A=1,X-B=2"]],
  healthBind: [[""], ["[::1]:9000"], ["unix:/run/health.sock"]],
  readyQuorum: [["2"], ["75%"]],
  healthPath: [[""], ["/"], ["/healthz"]],
  pidfile: [[""], ["run/a.pid"]],
  loglevel: [["critical"]],
  syslogAddr: [["udp://[::1]:514"], ["tcp://logs.test:6514"], ["unix:///run/log"]],
  statsdHost: [["127.0.0.1:8125"], ["[::1]:9"], [""]],
  printConfig: [["json"]],
  captureOutput: [["true"], ["false"]],
  user: [["nobody"], ["0"]],
};
for (const [name, texts] of Object.entries(samples)) {
  test(`${name}: text to value to text is stable`, () => {
    const { codec } = settingOf(settingNames.find((known) => known === name) ?? assert.fail(name));
    for (const text of texts) {
      const read = codec.parse(text);
      assert.ok(read.ok, text.join());
      const written = codec.format(read.value);
      assert.deepEqual(written, text);
      assert.deepEqual(codec.accept(codec.plain(read.value)), read);
    }
  });
}

// The type the rest of the server is written against. A change of a codec that changes it fails to compile here.
interface Pinned {
  readonly config: string | null;
  readonly app: string | null;
  readonly interface: "auto" | "node" | "fetch" | "wsgi" | "asgi";
  readonly asgiLifespan: "auto" | "on" | "off";
  readonly wsMaxSize: number;
  readonly wsPingInterval: number;
  readonly wsPingTimeout: number;
  readonly bind: readonly Address[];
  readonly protocol: "http" | "uwsgi" | "fastcgi" | "scgi";
  readonly httpProtocols: readonly ("h1" | "h2")[];
  readonly certfile: readonly string[];
  readonly keyfile: readonly string[];
  readonly caCerts: string | null;
  readonly certReqs: "none" | "optional" | "required";
  readonly ciphers: string | null;
  readonly tlsMinVersion: "TLSv1.2" | "TLSv1.3";
  readonly tlsWatch: boolean;
  readonly http2MaxConcurrentStreams: number;
  readonly http2InitialWindowSize: number;
  readonly http2MaxFrameSize: number;
  readonly http2MaxHeaderListSize: number;
  readonly http2MaxResets: number;
  readonly backlog: number;
  readonly workers: number;
  readonly workerClass: string;
  readonly threads: number;
  readonly workerConnections: number;
  readonly maxRequests: number;
  readonly maxRequestsJitter: number;
  readonly maxWorkerLifetime: number;
  readonly maxWorkerLifetimeJitter: number;
  readonly maxMemory: number;
  readonly maxMemoryHard: number;
  readonly reload: boolean;
  readonly reloadEngine: "auto" | "poll" | "inotify";
  readonly reloadExtraFiles: readonly string[];
  readonly timeout: number;
  readonly requestTimeout: number;
  readonly slowRequest: number;
  readonly watchdog: boolean;
  readonly bootTimeout: number;
  readonly gracefulTimeout: number;
  readonly keepalive: number;
  readonly headerTimeout: number;
  readonly limitRequestLine: number;
  readonly limitRequestFields: number;
  readonly limitRequestFieldSize: number;
  readonly socketMode: number | null;
  readonly forwardedAllowIps: readonly string[];
  readonly secureSchemeHeaders: Readonly<Record<string, string>>;
  readonly forwarderHeaders: readonly string[];
  readonly headerMap: "drop" | "refuse" | "dangerous";
  readonly rootPath: string;
  readonly proxyProtocol: "off" | "v1" | "v2" | "auto";
  readonly proxyAllowIps: readonly string[];
  readonly checkConfig: boolean;
  readonly printConfig: "off" | "text" | "json";
  readonly chdir: string;
  readonly rawEnv: readonly string[];
  readonly daemon: boolean;
  readonly enableStdioInheritance: boolean;
  readonly pidfile: string | null;
  readonly controlSocket: string | null;
  readonly controlSocketMode: number;
  readonly healthBind: Address | null;
  readonly readyQuorum: string;
  readonly healthPath: string | null;
  readonly controlAccess: "full" | "read-only" | "off";
  readonly umask: number;
  readonly user: string | null;
  readonly group: string | null;
  readonly initgroups: boolean;
  readonly procName: string | null;
  readonly accesslog: string | null;
  readonly accessLogFormat: string;
  readonly logFormat: "text" | "json";
  readonly errorlog: string;
  readonly loglevel: "debug" | "info" | "warning" | "error" | "critical";
  readonly captureOutput: boolean;
  readonly syslog: boolean;
  readonly syslogAddr: RemoteAddress;
  readonly syslogFormat: "rfc3164" | "rfc5424";
  readonly syslogPrefix: string | null;
  readonly syslogFacility:
    | "auth"
    | "authpriv"
    | "cron"
    | "daemon"
    | "ftp"
    | "kern"
    | "lpr"
    | "mail"
    | "news"
    | "security"
    | "syslog"
    | "user"
    | "uucp"
    | "local0"
    | "local1"
    | "local2"
    | "local3"
    | "local4"
    | "local5"
    | "local6"
    | "local7";
  readonly disableRedirectAccessToSyslog: boolean;
  readonly statsdHost: { readonly host: string; readonly port: number } | null;
  readonly statsdPrefix: string;
  readonly dogstatsdTags: string;
  readonly drainDelay: number;
  readonly preloadApp: boolean;
  readonly reloadMode: "rolling" | "all";
  readonly maxSurge: number;
  readonly metricsBind: Config["healthBind"];
}
type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : { not: [A, B] };
type Plain<T> = { [Key in keyof T]: T[Key] };
const pinned: Same<Plain<Config>, Plain<Pinned>> = true;

test("Config has the pinned type", () => {
  assert.equal(pinned, true);
});
