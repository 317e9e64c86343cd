// Storms of HUPs for clients whose connections outlive an answer: HTTP/2, and WebSockets.

import { join } from "node:path";
import { ROOT, type Server, start, type Undo } from "../../test/process/server.ts";
import { type Sockets, startSockets } from "../load/sockets.ts";
import { startStreams } from "../load/streams.ts";
import { MIX } from "./app.ts";
import { type Combination, openBed, type Report } from "./bed.ts";
import { hangUps } from "./reloads.ts";

/** Of a Node whose node:http2 has known holes. */
const HOLES = /httpProtocols: h2 on Node \S+ has known holes/;

/** Sessions that are told to come no more, over and over; what the server refuses as not begun is sent again. */
export async function reloadHttp2(t: Undo, combination: Combination): Promise<Report> {
  const { server, load } = await openHttp2(t, combination);
  return hangUps(server, [load]);
}

export async function openHttp2(
  t: Undo,
  combination: Combination,
): Promise<{ readonly server: Server; readonly load: ReturnType<typeof startStreams> }> {
  const args = ["--http-protocols", "h2,h1"];
  const { server } = await openBed(
    t,
    { ...combination, unix: false, front: "direct" },
    { args, expected: [HOLES] },
  );
  const load = startStreams({ port: await server.port(), sessions: 4, streams: 4, rate: 150, requests: MIX });
  t.after(() => void load.stop().catch(() => undefined));
  return { server, load };
}

/**
 * Echoes with their pid. Each tells when its connection is over how many it gave while that was open, and how many came
 * when it had been closed already.
 */
const ECHOES: Readonly<Record<string, string>> = {
  node: `
import { createServer } from "node:http";
import { createRequire } from "node:module";
const { WebSocketServer } = createRequire(${JSON.stringify(join(ROOT, "package.json"))})("ws");
export const app = createServer((req, res) => res.end("hello"));
new WebSocketServer({ server: app }).on("connection", (socket, req) => {
  let [given, late] = [0, 0];
  socket.on("message", (data) => {
    if (socket.readyState !== 1) return late++;
    given++;
    socket.send(process.pid + " " + data);
  });
  socket.on("close", (code) => console.error("over " + req.url.slice(2) + " " + code + " given=" + given + " late=" + late));
});
`,
  asgi: `
export async function app(scope, receive, send) {
  if (scope.type !== "websocket") throw new Error("no " + scope.type);
  let [given, late] = [0, 0];
  await receive();
  await send({ type: "websocket.accept" });
  for (;;) {
    const event = await receive();
    if (event.type !== "websocket.receive") {
      return console.error("over " + Buffer.from(scope.query_string) + " " + event.code + " given=" + given + " late=" + late);
    }
    try {
      await send({ type: "websocket.send", text: process.pid + " " + event.text });
      given++;
    } catch {
      late++;
    }
  }
}
`,
};

/** Sockets that are closed with 1012 and connect again, by an application with ws attached (`node`) or an ASGI one. */
export async function reloadSockets(t: Undo, combination: Combination): Promise<Report> {
  const { server, load } = await openSockets(t, combination);
  const report = await hangUps(server, [load]);
  const { failures, notes } = compareEchoes(server, load, combination);
  return { ...report, failures: [...report.failures, ...failures], notes: `${report.notes}, ${notes}` };
}

export async function openSockets(
  t: Undo,
  { kind, interface: name, pipeline }: Combination,
): Promise<{ readonly server: Server; readonly load: Sockets }> {
  const app = ECHOES[name];
  if (app === undefined) throw new Error(`no WebSockets by ${name}: ${Object.keys(ECHOES).join(", ")}`);
  const words = ["-w", "2", "-k", kind, "--interface", name, "-b", "127.0.0.1:0", "--log-level", "debug"];
  const server = start(t, [...words, ...(kind === "threaded" ? ["--threads", "2"] : []), "app.mjs:app"], {
    files: { "app.mjs": app },
  });
  await server.saw(/Ready worker=/, 2);
  const load = startSockets({ port: await server.port(), sockets: 16, pipeline, rate: 150 });
  t.after(() => void load.stop().catch(() => undefined));
  return { server, load };
}

/**
 * Whether each echo that the application gave has come; to be asked when the server has ended. An application with ws
 * attached does not know that the server has closed its socket until the client answers that: of such a connection the
 * echoes of what was under way to it then, at most `pipeline`, follow the close frame, and the client sends those messages
 * again.
 */
export function compareEchoes(
  server: Server,
  { echoes, restarts }: Sockets,
  { interface: name, pipeline }: Pick<Combination, "interface" | "pipeline">,
): { readonly failures: string[]; readonly notes: string } {
  const failures: string[] = [];
  let late = 0;
  const told = new Map<number, readonly [given: number, code: number]>();
  for (const [, number, code, given, unanswered] of server
    .log()
    .matchAll(/^over (\d+) (\d+) given=(\d+) late=(\d+)$/gm)) {
    told.set(Number(number), [Number(given), Number(code)]);
    late += Number(unanswered);
  }
  for (const [number, came] of echoes) {
    const [given, code] = told.get(number) ?? [];
    const more = given === undefined ? Number.NaN : given - came;
    if (name === "node" && code === 1012 && more > 0 && more <= pipeline) late += more;
    else if (more !== 0) failures.push(`connection ${number}: ${given} echoes were given, ${came} came`);
  }
  const counts = `${echoes.size} connections, ${restarts} closed with 1012`;
  return {
    failures: failures.slice(0, 5),
    notes: `${counts}, ${late} messages read after that and sent again`,
  };
}
