// The application under the storms, for each interface: it answers at once, late, at length, after a body, or never.

import type { Request } from "../load/client.ts";

const BIG = 300_000;

/** `preamble` is code that runs at import. */
export const appSource = (preamble = ""): string => `${preamble}
const pid = String(process.pid);
const big = "x".repeat(${BIG});
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
async function answer(path, read) {
  switch (path) {
    case "/slow":
      await pause(30);
      return "slow\\n";
    case "/hold":
      await pause(1_000_000);
      return "";
    case "/big":
      return big;
    case "/echo":
      return await read();
    case "/stuck":
      for (;;);
    default:
      return "ok\\n";
  }
}
async function textOf(body) {
  let text = "";
  for await (const chunk of body) text += chunk;
  return text;
}
export const node = async (req, res) => {
  const text = await answer(req.url, () => textOf(req));
  res.writeHead(200, { "X-Pid": pid, "Content-Type": "text/plain" });
  res.end(text);
};
export const fetch = {
  async fetch(request) {
    const text = await answer(new URL(request.url).pathname, () => request.text());
    return new Response(text, { headers: { "X-Pid": pid } });
  },
};
export const wsgi = async (environ, startResponse) => {
  const text = await answer(environ.PATH_INFO, () => textOf(environ["wsgi.input"]));
  startResponse("200 OK", [["X-Pid", pid], ["Content-Type", "text/plain"]]);
  return [text];
};
async function bodyOf(receive) {
  let text = "";
  for (;;) {
    const { body = "", more_body } = await receive();
    text += Buffer.from(body).toString("latin1");
    if (more_body !== true) return text;
  }
}
export const asgi = async (scope, receive, send) => {
  if (scope.type === "lifespan") {
    for (;;) {
      const { type } = await receive();
      await send({ type: type + ".complete" });
      if (type === "lifespan.shutdown") return;
    }
  }
  const text = await answer(scope.path, () => bodyOf(receive));
  await send({ type: "http.response.start", status: 200, headers: [["x-pid", pid]] });
  await send({ type: "http.response.body", body: text });
};
`;

/** What is asked of it in turn. */
export const MIX: readonly Request[] = [
  { method: "GET", path: "/", body: 0, answer: 3 },
  { method: "GET", path: "/", body: 0, answer: 3 },
  { method: "POST", path: "/echo", body: 2_000, answer: 2_000 },
  { method: "GET", path: "/big", body: 0, answer: BIG },
  { method: "GET", path: "/", body: 0, answer: 3 },
  { method: "GET", path: "/slow", body: 0, answer: 5 },
];
