import { bool, oneOf, path, string } from "../codec.ts";
import { optional } from "../codec-lists.ts";
import { statsdAddress, syslogAddress } from "../remote-address.ts";
import { setting } from "../setting.ts";

const facilities = [
  "auth",
  "authpriv",
  "cron",
  "daemon",
  "ftp",
  "kern",
  "lpr",
  "mail",
  "news",
  "security",
  "syslog",
  "user",
  "uucp",
  "local0",
  "local1",
  "local2",
  "local3",
  "local4",
  "local5",
  "local6",
  "local7",
] as const;

export const logging = {
  accesslog: setting(optional(path()), {
    default: null,
    flags: ["--access-logfile"],
    takes: "new workers",
    summary: "The file for the access log; `-` is standard output. By default there is none.",
  }),
  accessLogFormat: setting(string({ metavar: "FORMAT" }), {
    default: '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
    flags: ["--access-logformat"],
    takes: "new workers",
    summary: "The format of a line of the access log.",
    details: `| atom | meaning |
| --- | --- |
| \`%(h)s\` | the client's address |
| \`%(l)s\` | \`-\` |
| \`%(u)s\` | the user of Basic authentication |
| \`%(t)s\` | when the answer was complete |
| \`%(r)s\` | the request line |
| \`%(m)s\`, \`%(U)s\`, \`%(q)s\`, \`%(H)s\` | its method, path, query and protocol |
| \`%(s)s\` | the status |
| \`%(B)s\`, \`%(b)s\` | bytes of the body |
| \`%(f)s\`, \`%(a)s\` | Referer and User-Agent |
| \`%(T)s\`, \`%(M)s\`, \`%(D)s\`, \`%(L)s\` | duration in seconds, milliseconds, microseconds, decimal seconds |
| \`%(p)s\` | the worker's process number |
| \`%(trace_id)s\`, \`%(span_id)s\` | the trace and the client's span, from a W3C \`traceparent\` header |
| \`%({name}i)s\`, \`%({name}o)s\` | a request or response header |
| \`%({NAME}e)s\` | a variable of the WSGI environment |`,
  }),
  logFormat: setting(oneOf(["text", "json"]), {
    default: "text",
    flags: ["--log-format"],
    takes: "new workers",
    summary: "The form of both logs: Gunicorn's lines, or one JSON object a line.",
    details:
      "With `json` the access log's fields are fixed, and `accessLogFormat` has no effect: see [logs](logs.md#json).",
  }),
  errorlog: setting(path(), {
    default: "-",
    flags: ["--error-logfile", "--log-file"],
    takes: "new workers",
    summary: "The file for the error log; `-` is standard error.",
  }),
  loglevel: setting(oneOf(["debug", "info", "warning", "error", "critical"]), {
    default: "info",
    flags: ["--log-level"],
    takes: "new workers",
    summary: "The least level of what goes to the error log.",
  }),
  captureOutput: setting(bool(), {
    default: false,
    flags: ["--capture-output"],
    takes: "new workers",
    summary: "Send what workers write to standard output and standard error to the error log.",
  }),
  syslog: setting(bool(), {
    default: false,
    flags: ["--log-syslog"],
    takes: "new workers",
    summary: "Send both logs to a syslog daemon as well: see [logs](logs.md#syslog).",
  }),
  syslogAddr: setting(syslogAddress(), {
    default: { kind: "udp", host: "localhost", port: 514 },
    flags: ["--log-syslog-to"],
    takes: "new workers",
    summary: "Where the syslog daemon listens: `udp://HOST:PORT`, `tcp://HOST:PORT` or `unix://PATH`.",
    details:
      "A Unix socket has to be a stream socket, which `/dev/log` mostly is not: Node can't reach datagram sockets.",
  }),
  syslogFormat: setting(oneOf(["rfc3164", "rfc5424"]), {
    default: "rfc3164",
    flags: ["--log-syslog-format"],
    takes: "new workers",
    summary: "The form of syslog messages.",
  }),
  syslogPrefix: setting(optional(string({ metavar: "NAME" })), {
    default: null,
    flags: ["--log-syslog-prefix"],
    takes: "new workers",
    summary: "The middle of the program's name, `gunicorn.NAME.error`; by default the process's name.",
  }),
  syslogFacility: setting(oneOf(facilities), {
    default: "user",
    flags: ["--log-syslog-facility"],
    takes: "new workers",
    summary: "The facility of syslog messages.",
  }),
  disableRedirectAccessToSyslog: setting(bool(), {
    default: false,
    flags: ["--disable-redirect-access-to-syslog"],
    takes: "new workers",
    summary: "Keep the access log out of syslog.",
  }),
  statsdHost: setting(optional(statsdAddress()), {
    default: null,
    flags: ["--statsd-host"],
    takes: "new workers",
    summary: "The statsd server to send Gunicorn's metrics to, `HOST:PORT`: see [logs](logs.md#statsd).",
  }),
  statsdPrefix: setting(string({ metavar: "PREFIX" }), {
    default: "",
    flags: ["--statsd-prefix"],
    takes: "new workers",
    summary: "What the names of statsd's metrics begin with; a dot is added.",
  }),
  dogstatsdTags: setting(string({ metavar: "TAGS" }), {
    default: "",
    flags: ["--dogstatsd-tags"],
    takes: "new workers",
    summary: "DogStatsD tags for each metric, with commas: `env:prod,app:web`.",
  }),
} as const;
