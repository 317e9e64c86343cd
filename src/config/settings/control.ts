import { address } from "../address.ts";
import { mode, oneOf, path, scalar } from "../codec.ts";
import { optional } from "../codec-lists.ts";
import { quorum } from "../quorum.ts";
import { setting } from "../setting.ts";

const requestPath = scalar<string>({
  metavar: "/PATH",
  expected: "a path that begins with /, without ? or #",
  input: "string",
  schema: { type: "string", pattern: "^/[^?#\\s]*$" },
  parse: (text) => (/^\/[^?#\s\0]*$/.test(text) ? text : undefined),
});

export const control = {
  controlSocket: setting(optional(path()), {
    default: null,
    flags: ["--control-socket"],
    takes: "at once",
    summary: "The Unix socket to see and steer the server by, with `tgunicornctl` or any HTTP client.",
    details: `By default it lies beside the pid file: \`/run/app.pid\` has \`/run/app.ctl\`. Without either there is none. While two
arbiters run during an upgrade, the new one's has \`.2\` at its end. See [control](control.md).`,
  }),
  controlSocketMode: setting(mode(), {
    default: 0o600,
    flags: ["--control-socket-mode"],
    takes: "at once",
    summary: "The mode of the control socket, in octal: whoever may write to it may stop the server.",
    details: "It belongs to the user and the group that the server was started as.",
  }),
  controlAccess: setting(oneOf(["full", "read-only", "off"]), {
    default: "full",
    flags: ["--control-access"],
    takes: "at once",
    summary: "What the control socket is for: everything, looking alone, or nothing; then there is none.",
  }),
  healthBind: setting(optional(address()), {
    default: null,
    flags: ["--health-bind"],
    takes: "at once",
    summary:
      "An address on which the arbiter answers probes: `/livez` and `/readyz`. By default there is none.",
    details:
      "Written as in `bind`, but for `fd://`: `127.0.0.1:9000`, `:9000`, `unix:/run/health.sock`. See [health](health.md).",
  }),
  metricsBind: setting(optional(address()), {
    default: null,
    flags: ["--metrics-bind"],
    takes: "at once",
    summary:
      "An address on which the arbiter serves Prometheus's metrics, `/metrics`, and a status page, `/`. By default there is none.",
    details: `Written as in \`healthBind\`, and it may be the same: \`/livez\` and \`/readyz\` are answered here, too. Whoever can reach it
sees the server's figures and the requests in flight, so keep it from the public. See [metrics](metrics.md).`,
  }),
  readyQuorum: setting(quorum(), {
    default: "1",
    flags: ["--ready-quorum"],
    takes: "at once",
    summary:
      "How many workers have to serve for `/readyz` to say so: a number, or a share of them such as `75%`.",
  }),
  healthPath: setting(optional(requestPath), {
    default: null,
    flags: ["--health-path"],
    takes: "new workers",
    summary:
      "A path on the service's own addresses that workers answer probes at, in the application's stead: `/healthz`.",
    details: `200, and 503 from the moment on that the server is told to stop. Such a request is none to hooks, logs, metrics and
\`maxRequests\`. By default there is none. See [health](health.md#on-the-services-own-address).`,
  }),
} as const;
