import { int, oneOf, seconds } from "../codec.ts";
import { list } from "../codec-lists.ts";
import { setting } from "../setting.ts";

export const http = {
  keepalive: setting(seconds(), {
    default: 2,
    flags: ["--keep-alive"],
    takes: "new workers",
    summary: "Seconds an idle connection is kept for the client's next request; 0 closes it after each.",
    details:
      "Sync workers keep no connection. Behind a load balancer make it longer than the balancer's own idle time.",
  }),
  headerTimeout: setting(seconds(), {
    default: 30,
    flags: ["--header-timeout"],
    takes: "new workers",
    summary: "Seconds a client may take to send the head of a request; 0 is for ever.",
    details: "Slower clients are answered with 408. Gunicorn has no such limit.",
  }),
  limitRequestLine: setting(int({ min: 0 }), {
    default: 4094,
    flags: ["--limit-request-line"],
    takes: "new workers",
    summary: "The longest request line, in bytes; 0 is no limit of ours.",
    details: "Longer ones are answered with 414.",
  }),
  limitRequestFields: setting(int({ min: 0, max: 32768 }), {
    default: 100,
    flags: ["--limit-request-fields"],
    takes: "new workers",
    summary: "The number of header fields a request may have; 0 is 32768, which is the most.",
    details: "Requests with more are answered with 431.",
  }),
  limitRequestFieldSize: setting(int({ min: 0 }), {
    default: 8190,
    flags: ["--limit-request-field_size", "--limit-request-field-size"],
    takes: "new workers",
    summary: "The largest header field, in bytes; 0 is no limit of ours.",
    details:
      "Larger ones are answered with 431. The underscore in the flag is Gunicorn's; a hyphen is understood as well.",
  }),
  httpProtocols: setting(
    list(oneOf(["h1", "h2"]), { commas: true, repeatable: false, atLeastOne: "h1, h2 or both" }),
    {
      default: ["h1"],
      flags: ["--http-protocols"],
      takes: "new workers",
      summary: "The versions of HTTP to offer, with commas, the preferred first: h1, h2.",
      details:
        "Clients choose by ALPN, which needs TLS. On plain addresses HTTP/1 is always spoken, and with h2 also HTTP/2, to peers of `forwardedAllowIps` that begin with it. See [HTTP/2](http2.md).",
    },
  ),
} as const;
