import { int } from "../codec.ts";
import { setting } from "../setting.ts";

export const http2 = {
  http2MaxConcurrentStreams: setting(int({ min: 1, max: 2 ** 31 - 1 }), {
    default: 100,
    flags: ["--http2-max-concurrent-streams"],
    takes: "new workers",
    summary: "The number of requests a client may have under way on one HTTP/2 connection.",
    details: "More are refused with REFUSED_STREAM, which a client may send again.",
  }),
  http2InitialWindowSize: setting(int({ min: 0, max: 2 ** 31 - 1 }), {
    default: 65535,
    flags: ["--http2-initial-window-size"],
    takes: "new workers",
    summary: "Bytes of a request's body that an HTTP/2 client may send before the application reads.",
    details: "Memory for a connection is this times `http2MaxConcurrentStreams` at the most.",
  }),
  http2MaxFrameSize: setting(int({ min: 16384, max: 16777215 }), {
    default: 16384,
    flags: ["--http2-max-frame-size"],
    takes: "new workers",
    summary: "The largest HTTP/2 frame that a client may send, in bytes.",
  }),
  http2MaxHeaderListSize: setting(int({ min: 0, max: 2 ** 31 - 1 }), {
    default: 65536,
    flags: ["--http2-max-header-list-size"],
    takes: "new workers",
    summary:
      "The largest head of an HTTP/2 request, in bytes, with 32 more for each field; 0 is no limit of ours.",
    details:
      "The limits of HTTP/1 (`limitRequestLine`, `limitRequestFields`, `limitRequestFieldSize`) hold as well.",
  }),
  http2MaxResets: setting(int({ min: 0 }), {
    default: 200,
    flags: ["--http2-max-resets"],
    takes: "new workers",
    summary:
      "How many requests a client may break off on one HTTP/2 connection within 30 seconds; 0 is no limit.",
    details:
      "Beyond that the connection is closed (GOAWAY, ENHANCE_YOUR_CALM): requests that are sent only to be broken off cost the server and not the client (CVE-2023-44487).",
  }),
} as const;
