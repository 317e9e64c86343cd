// socket.io beside Express, on a server that never listens: tgunicorn hands it the requests and the upgrades.
// Run it: npm install --prefix examples/socketio && npx tgunicorn -k eventloop -w 4 --chdir examples/socketio app:server
// A client without WebSockets asks several times, and must come to the same worker each time: with more than one worker,
// or one that takes a single request at a time, let clients use `transports: ["websocket"]`.

import { createServer } from "node:http";
import express from "express";
import { Server } from "socket.io";

const app = express();

app.get("/", (_req, res) => {
  res.type("text/plain").send("Hello from socket.io\n");
});

export const server = createServer(app);

const io = new Server(server);

io.on("connection", (socket) => {
  socket.on("echo", (text: string, answer: (text: string) => void) => answer(text));
  socket.on("tell", (text: string) => io.emit("told", text));
  // Of both ends, the server alone can answer what a client without WebSockets still waits for.
  socket.on("bye", () => socket.disconnect(true));
  socket.on("disconnect", (reason) => console.error(`disconnected: ${reason}`));
});
