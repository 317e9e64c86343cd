import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, it } from "node:test";
import { type Gate, openGate } from "../../src/os/gate.ts";
import { bindHandle } from "../../src/os/handles.ts";

/** A gate whose connections greet, and what a client gets from it. */
function greeter(mechanism: "unpoll" | "hold"): { gate: Gate; port: number; accepted: net.Socket[] } {
  const { fd, port } = bindHandle({ host: "127.0.0.1", port: 0 });
  const accepted: net.Socket[] = [];
  const onConnection = (socket: net.Socket): void => {
    accepted.push(socket);
    if (accepted.length % 2 === 1) gate.pause();
    socket.end("welcome");
  };
  const gate = openGate({ fd, backlog: 16, onConnection, mechanism });
  return { gate, port, accepted };
}

async function visit(port: number): Promise<{ socket: net.Socket; greeting: Promise<string> }> {
  const socket = net.connect({ port, host: "127.0.0.1" });
  socket.setEncoding("utf8");
  let text = "";
  socket.on("data", (part: string) => {
    text += part;
  });
  await once(socket, "connect");
  return { socket, greeting: once(socket, "end").then(() => text) };
}

for (const mechanism of ["unpoll", "hold"] as const) {
  describe(`a gate that works by ${mechanism}`, () => {
    it("opens paused, and loses nobody who came meanwhile", async () => {
      const { gate, port, accepted } = greeter(mechanism);
      assert.equal(gate.mechanism, mechanism);
      const visits = [await visit(port), await visit(port), await visit(port)];
      assert.equal(accepted.length, 0);
      gate.resume();
      await visits[0]?.greeting;
      // The first connection paused it, from inside its event.
      assert.equal(accepted.length, 1);
      gate.resume();
      assert.deepEqual(await Promise.all(visits.map(({ greeting }) => greeting)), [
        "welcome",
        "welcome",
        "welcome",
      ]);
      gate.close();
    });

    it("may be resumed and paused twice", async () => {
      const { gate, port, accepted } = greeter(mechanism);
      gate.resume();
      gate.resume();
      const first = await visit(port);
      await first.greeting;
      gate.pause();
      const second = await visit(port);
      assert.equal(accepted.length, 1);
      gate.resume();
      await second.greeting;
      gate.close();
      gate.close();
    });

    it("refuses once it is closed, and stays closed", async () => {
      const { gate, port } = greeter(mechanism);
      gate.resume();
      gate.close();
      gate.resume();
      gate.pause();
      await assert.rejects(visit(port), { code: "ECONNREFUSED" });
    });
  });
}

it("a closing gate hands over what it held", async () => {
  const { gate, port } = greeter("hold");
  const { greeting } = await visit(port);
  const marker = await visit(port);
  // Both were accepted by the process once a later turn of the loop has seen them.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  gate.close();
  assert.deepEqual(await Promise.all([greeting, marker.greeting]), ["welcome", "welcome"]);
});

it("a gate says that a descriptor is no listening socket", () => {
  assert.throws(() => openGate({ fd: 9_999, backlog: 1, onConnection() {} }));
});
