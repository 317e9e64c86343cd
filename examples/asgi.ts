// An ASGI-style application: HTTP, a WebSocket that echoes, and a lifespan.
// Run it: npx tgunicorn -k eventloop -w 4 --chdir examples asgi:app

import { asgi, type Receive, type Send } from "tgunicorn";

export const app = asgi(async (scope, receive, send) => {
  switch (scope.type) {
    case "lifespan":
      return lifespan(scope.state, receive, send);
    case "websocket":
      return echo(receive, send);
    case "http":
      await send({ type: "http.response.start", status: 200, headers: [["content-type", "text/plain"]] });
      await send({ type: "http.response.body", body: `Hello from ${scope.state?.name}\n` });
  }
});

async function lifespan(state: Record<string, unknown>, receive: Receive, send: Send): Promise<void> {
  for (;;) {
    const event = await receive();
    if (event.type === "lifespan.startup") {
      state.name = "ASGI"; // what every request shares: a pool of connections, say
      await send({ type: "lifespan.startup.complete" });
    } else {
      await send({ type: "lifespan.shutdown.complete" });
      return;
    }
  }
}

async function echo(receive: Receive, send: Send): Promise<void> {
  await receive(); // websocket.connect
  await send({ type: "websocket.accept" });
  for (;;) {
    const event = await receive();
    if (event.type !== "websocket.receive") return; // websocket.disconnect
    if (event.text !== undefined) await send({ type: "websocket.send", text: event.text });
    else await send({ type: "websocket.send", bytes: event.bytes });
  }
}
