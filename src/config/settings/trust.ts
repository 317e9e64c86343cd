import { network } from "../address.ts";
import { oneOf, string } from "../codec.ts";
import { headers, list } from "../codec-lists.ts";
import { setting } from "../setting.ts";

const networks = () => list(network(), { commas: true, repeatable: false });
const fieldName = () => string({ metavar: "NAMES", expected: "header names with commas between them" });

export const trust = {
  forwardedAllowIps: setting(networks(), {
    default: ["127.0.0.1", "::1"],
    flags: ["--forwarded-allow-ips"],
    environment: { name: "FORWARDED_ALLOW_IPS" },
    takes: "new workers",
    summary: "Addresses and networks, with commas, of proxies that may say how the client connected.",
    details: `\`*\` trusts everyone: only where nobody but the proxy can connect. Peers on Unix sockets are always trusted.

From them are believed: the client's address in \`X-Forwarded-For\` (the last that is not itself one of these; Gunicorn
believes none), \`secureSchemeHeaders\`, \`forwarderHeaders\`, and, where a request has none of the first two, \`Forwarded\`
(RFC 7239). A proxy must set or remove each of them: what it passes on as it came is a client's own word. See
[deploy](deploy.md#who-the-client-is).`,
  }),
  secureSchemeHeaders: setting(headers(), {
    default: { "X-FORWARDED-PROTOCOL": "ssl", "X-FORWARDED-PROTO": "https", "X-FORWARDED-SSL": "on" },
    flags: [],
    takes: "new workers",
    summary: "Headers, and their value, by which a trusted proxy says that the client came over HTTPS.",
    details: "Headers that contradict each other are answered with 400.",
  }),
  forwarderHeaders: setting(list(fieldName(), { commas: true, repeatable: false }), {
    default: ["SCRIPT_NAME", "PATH_INFO"],
    flags: ["--forwarder-headers"],
    takes: "new workers",
    summary: "Headers with an underscore, with commas, that a trusted proxy may set; `*` is any.",
    details: `\`SCRIPT_NAME\` tells where the application is mounted: WSGI's \`SCRIPT_NAME\`, ASGI's \`root_path\`. The others reach a
WSGI application as \`HTTP_...\`.`,
  }),
  headerMap: setting(oneOf(["drop", "refuse", "dangerous"]), {
    default: "drop",
    flags: ["--header-map"],
    takes: "new workers",
    summary: "What becomes of other headers with an underscore: drop, refuse or dangerous.",
    details: `As a variable, \`X_Real_Ip\` has the name of \`X-Real-Ip\`, which a proxy may have set. \`drop\` leaves them out of a WSGI
environ, \`refuse\` answers 400 whatever the interface, \`dangerous\` lets them in.`,
  }),
  rootPath: setting(string({ metavar: "PATH" }), {
    default: "",
    flags: ["--root-path"],
    environment: { name: "SCRIPT_NAME" },
    takes: "new workers",
    summary: "The path below which the application is mounted, such as `/shop`.",
    details: `WSGI's \`SCRIPT_NAME\` (what is left of the path is \`PATH_INFO\`; a path that is not below it is answered with 500, as
Gunicorn does), and ASGI's \`root_path\`. A trusted proxy's \`SCRIPT_NAME\` header counts for more.`,
  }),
  proxyProtocol: setting(
    oneOf(["off", "v1", "v2", "auto"], {
      implied: "auto",
      same: new Map([
        [true, "auto"],
        [false, "off"],
      ] as const),
    }),
    {
      default: "off",
      flags: ["--proxy-protocol"],
      valueMayFollow: true,
      takes: "new workers",
      summary: "The PROXY protocol, by which a proxy says whose a connection is: off, v1, v2 or auto.",
      details: `\`--proxy-protocol\` alone is \`auto\`, either version. A connection may begin with its header, and may do without. Then the
client is who the header says, also for \`forwardedAllowIps\`: its X-Forwarded headers are its own. See
[deploy](deploy.md#haproxy).`,
    },
  ),
  proxyAllowIps: setting(networks(), {
    default: ["127.0.0.1", "::1"],
    flags: ["--proxy-allow-from"],
    takes: "new workers",
    summary: "Addresses and networks, with commas, that may send a PROXY header; `*` is everyone.",
    details:
      "Peers on Unix sockets always may. The connection of anybody else who sends one is closed, with a warning.",
  }),
} as const;
