import { int, seconds } from "../codec.ts";
import { setting } from "../setting.ts";

export const websocket = {
  wsMaxSize: setting(int({ min: 0 }), {
    default: 16777216,
    flags: ["--ws-max-size"],
    takes: "new workers",
    summary:
      "The largest WebSocket message a client may send to an ASGI application, in bytes; 0 is no limit.",
    details: "A larger one closes the WebSocket with 1009.",
  }),
  wsPingInterval: setting(seconds(), {
    default: 20,
    flags: ["--ws-ping-interval"],
    takes: "new workers",
    summary: "Seconds between the pings that are sent on an ASGI application's WebSockets; 0 sends none.",
  }),
  wsPingTimeout: setting(seconds(), {
    default: 20,
    flags: ["--ws-ping-timeout"],
    takes: "new workers",
    summary: "Seconds a client has to answer a ping, until its connection is closed; 0 is for ever.",
    details: "These three are Uvicorn's. Applications for Node that bring a WebSocket server set their own.",
  }),
} as const;
