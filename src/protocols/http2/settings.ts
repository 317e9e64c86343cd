// The settings as node:http2 wants them.

import type { SessionOptions } from "node:http2";
import type { Config } from "../../config/config.ts";

export type Http2Settings = Pick<
  Config,
  | "limitRequestFields"
  | "http2MaxConcurrentStreams"
  | "http2InitialWindowSize"
  | "http2MaxFrameSize"
  | "http2MaxHeaderListSize"
>;

/** The pseudo headers of a request, and as many cookies as a client may cut one into. */
const EXTRA_FIELDS = 68;
/** Nghttp2's own, past which it closes the connection. */
const LARGEST_LIST = 65_536;

export function sessionOptions(config: Http2Settings): SessionOptions {
  const { limitRequestFields: fields, http2MaxHeaderListSize: list } = config;
  const options = {
    // More than the limit, so that a request is answered with 431 and not cut off.
    maxHeaderListPairs: (fields === 0 ? 32_768 : fields) + EXTRA_FIELDS,
    // Frames that make no sense, and streams beyond the limit, before a connection is closed.
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    settings: {
      enablePush: false,
      maxConcurrentStreams: config.http2MaxConcurrentStreams,
      initialWindowSize: config.http2InitialWindowSize,
      maxFrameSize: config.http2MaxFrameSize,
      maxHeaderListSize: list === 0 ? LARGEST_LIST : list,
    },
  };
  // Node's types lack some of them.
  return options;
}
