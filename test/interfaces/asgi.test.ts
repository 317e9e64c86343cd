import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import {
  type AsgiApplication,
  asgi,
  type HttpScope,
  type ReceiveEvent,
  type SendEvent,
} from "../../src/interfaces/asgi.ts";
import { extendDeadline } from "../../src/interfaces/deadline.ts";
import { detect } from "../../src/interfaces/detect.ts";
import { connect } from "../contract/client.ts";
import { interfaceContract, PIECE, type Stage } from "../contract/interface.ts";
import { speakers } from "../contract/speakers.ts";
import { type Served, type Spoken, serve } from "./serve.ts";

type Receive = () => Promise<ReceiveEvent>;
type Send = (event: SendEvent) => Promise<void>;
type HttpApplication = (scope: HttpScope, receive: Receive, send: Send) => unknown;

/** An application for HTTP alone, which has no lifespan. */
const forHttp = (app: HttpApplication): AsgiApplication =>
  asgi((scope, receive, send) => {
    if (scope.type !== "http") throw new Error(`no ${scope.type} here`);
    return app(scope, receive, send);
  });

const start = (status = 200, headers: [string, string][] = []): SendEvent => ({
  type: "http.response.start",
  status,
  headers,
});
const body = (piece?: string | Uint8Array, more = false): SendEvent => ({
  type: "http.response.body",
  ...(piece === undefined ? {} : { body: piece }),
  more_body: more,
});

function make(stage: Stage): AsgiApplication {
  const apps: Record<string, HttpApplication> = {
    "/hello": async (_scope, _receive, send) => {
      await send(start(200, [["X-One", "1"]]));
      await send(body("hello"));
    },
    "/echo": async (_scope, receive, send) => {
      await send(start());
      for (;;) {
        const event = await receive();
        assert.ok(event.type === "http.request");
        await send(body(event.body, event.more_body));
        if (!event.more_body) return;
      }
    },
    "/count": async (_scope, receive, send) => {
      let count = 0;
      for (;;) {
        const event = await receive();
        assert.ok(event.type === "http.request");
        count += event.body.length;
        if (!event.more_body) break;
      }
      await send(start());
      await send(body(String(count)));
    },
    "/headers": async ({ headers }, _receive, send) => {
      await send(
        start(200, [
          ["Set-Cookie", "a=1"],
          ["Set-Cookie", "b=2"],
        ]),
      );
      const values = headers.filter(([name]) => name === "x-in").map(([, value]) => value);
      await send(body(values.join(",")));
    },
    "/empty": async (_scope, _receive, send) => {
      await send(start(204));
      await send(body());
    },
    "/teapot": async (_scope, _receive, send) => {
      await send(start(418));
      await send(body());
    },
    "/stream": async (_scope, _receive, send) => {
      await send(start());
      await send(body("first", true));
      await stage.released;
      await send(body("second"));
    },
    "/throw": () => {
      throw new Error("thrown by the application");
    },
    "/reject": async (_scope, receive) => {
      await receive();
      throw new Error("thrown by the application");
    },
    "/half": async (_scope, _receive, send) => {
      await send(start());
      await send(body("half", true));
      throw new Error("thrown by the application");
    },
    "/short": async (_scope, _receive, send) => {
      await send(start(200, [["Content-Length", "100"]]));
      await send(body("short", true));
      await send(body());
    },
    "/long": async (_scope, _receive, send) => {
      await send(start(200, [["Content-Length", "4"]]));
      await send(body("longer"));
    },
    "/leave": async (_scope, receive) => {
      assert.equal((await receive()).type, "http.request");
      stage.entered();
      assert.deepEqual(await receive(), { type: "http.disconnect" });
      stage.left(0);
    },
    "/endless": async (_scope, _receive, send) => {
      await send(start());
      let made = 0;
      try {
        for (;;) {
          made += PIECE.length;
          await send(body(PIECE, true));
        }
      } finally {
        stage.left(made);
      }
    },
  };
  return forHttp((scope, receive, send) => {
    const app = apps[scope.path];
    assert.ok(app, scope.path);
    return app(scope, receive, send);
  });
}

interfaceContract({ name: "asgi", interface: "auto", make });

/** Serves an application that answers with what `look` sees in the scope. */
async function looking(t: TestContext, look: (scope: HttpScope) => unknown): Promise<Served> {
  return serve(
    t,
    forHttp(async (scope, _receive, send) => {
      await send(start());
      await send(body(JSON.stringify(look(scope))));
    }),
  );
}

test("the scope has every key of the specification", async (t) => {
  const { request, port } = await looking(t, (scope) => scope);
  const headers = { host: "example.org", "X-In": ["1", "2"], cookie: "a=1" };
  const answer = await request({ path: "/p%C3%A9/%20?q=%41", method: "POST", headers }, "x");
  const { client, headers: given, ...scope } = JSON.parse(answer.body);
  assert.deepEqual(scope, {
    type: "http",
    asgi: { version: "3.0", spec_version: "2.5" },
    http_version: "1.1",
    method: "POST",
    scheme: "http",
    path: "/pé/ ",
    raw_path: "/p%C3%A9/%20",
    query_string: "q=%41",
    root_path: "",
    server: ["127.0.0.1", port],
    extensions: {
      "http.response.early_hint": {},
      "http.response.trailers": {},
      "http.response.pathsend": {},
    },
  });
  assert.equal(client[0], "127.0.0.1");
  assert.equal(typeof client[1], "number");
  assert.deepEqual(
    given.filter(([name]: [string]) => ["x-in", "cookie"].includes(name)),
    [
      ["x-in", "1"],
      ["x-in", "2"],
      ["cookie", "a=1"],
    ],
  );
});

test("extendDeadline() says what it takes", () => {
  for (const wrong of [null, undefined, "request"]) {
    assert.throws(() => Reflect.apply(extendDeadline, undefined, [wrong, 1]), {
      name: "TypeError",
      message: `extendDeadline() takes the request, as the application was called with it, not ${wrong}`,
    });
  }
});

test("extendDeadline() takes a scope, and a copy of it", async (t) => {
  const { request, errors } = await looking(t, (scope) => [
    extendDeadline(scope, 1),
    extendDeadline({ ...scope }, 1),
  ]);
  // Also where nothing has deadlines.
  assert.equal((await request({ path: "/" })).body, "[true,true]");
  assert.deepEqual(errors, []);
});

test("receive() after the answer tells that it is over", async (t) => {
  let last: ReceiveEvent | undefined;
  const app = forHttp(async (_scope, receive, send) => {
    await receive();
    const waiting = receive();
    await send(start());
    await send(body("done"));
    last = await waiting;
  });
  const { request, over } = await serve(t, app);
  const ended = over();
  assert.equal((await request({ path: "/" })).body, "done");
  await ended;
  assert.deepEqual(last, { type: "http.disconnect" });
});

test("receive() calls that overlap get the body in turn", async (t) => {
  const app = forHttp(async (_scope, receive, send) => {
    const events = await Promise.all([receive(), receive()]);
    await send(start());
    await send(body(events.map((event) => event.type).join()));
  });
  const { port } = await serve(t, app);
  const client = await connect(port);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
  client.send("0\r\n\r\n");
  const { body: told } = await client.response();
  assert.equal(told, "http.request,http.request");
});

test("a body that breaks off is a disconnect", async (t) => {
  let told: (event: ReceiveEvent) => void = () => undefined;
  const seen = new Promise<ReceiveEvent>((resolve) => {
    told = resolve;
  });
  const app = forHttp(async (_scope, receive) => {
    for (let event = await receive(); ; event = await receive()) {
      if (event.type === "http.disconnect") return told(event);
    }
  });
  const { port, errors } = await serve(t, app);
  const client = await connect(port);
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  client.destroy();
  assert.deepEqual(await seen, { type: "http.disconnect" });
  assert.deepEqual(errors, []);
});

test("headers may be bytes, and those that belong to the connection are left out", async (t) => {
  const app = forHttp(async (_scope, _receive, send) => {
    await send({
      type: "http.response.start",
      status: 200,
      headers: [
        [Buffer.from("x-bytes"), Buffer.from("caf\xe9", "latin1")],
        ["transfer-encoding", "chunked"],
      ],
    });
    await send(body("text"));
  });
  const { request } = await serve(t, app);
  const { headers, body: text } = await request({ path: "/" });
  assert.deepEqual([headers["x-bytes"], headers["transfer-encoding"], text], ["caf\xe9", undefined, "text"]);
  assert.equal(headers["content-length"], "4");
});

/** Takes what a compiler would not. */
type Loose = (send: (event: unknown) => Promise<void>) => Promise<unknown>;
const loose = (app: Loose): unknown =>
  asgi((scope, _receive, send) => {
    if (scope.type !== "http") throw new Error("no lifespan");
    return app((event) => Reflect.apply(send, undefined, [event]));
  });

for (const [what, app, told] of [
  ["nothing", async () => {}, /returned without an answer/],
  ["a start alone", async (send) => send(start()), /returned before its answer was complete/],
  ["a body first", async (send) => send(body("x")), /http\.response\.body is out of place: .*start has to/],
  [
    "two starts",
    async (send) => {
      await send(start());
      await send(start());
    },
    /start is out of place/,
  ],
  ["an unknown message", async (send) => send({ type: "http.nonsense" }), /no message 'http\.nonsense'/],
  ["a status that is none", async (send) => send({ ...start(), status: "200" }), /'200' is no status/],
  ["an interim status", async (send) => send(start(103)), /103 is no status/],
  ["a header with a line break", async (send) => send(start(200, [["a", "b\r\nc: d"]])), /no value for/],
  ["headers that are none", async (send) => send({ ...start(), headers: { a: 1 } }), /not an array/],
  [
    "a body that is none",
    async (send) => {
      await send(start());
      await send({ type: "http.response.body", body: 1 });
    },
    /the body is 1/,
  ],
  [
    "a path that is not absolute",
    async (send) => {
      await send(start());
      await send({ type: "http.response.pathsend", path: "etc/passwd" });
    },
    /no absolute path/,
  ],
] satisfies [string, Loose, RegExp][]) {
  test(`${what} is answered with 500 and told`, async (t) => {
    const { request, errors } = await serve(t, loose(app));
    assert.equal((await request({ path: "/" })).status, 500);
    assert.match(errors.join("\n"), told);
  });
}

test("what comes after a complete answer fails, and harms nothing", async (t) => {
  const { request, errors } = await serve(
    t,
    loose(async (send) => {
      await send(start());
      await send(body("whole"));
      await assert.rejects(send(body("more")), /the answer is complete/);
    }),
  );
  assert.equal((await request({ path: "/" })).body, "whole");
  assert.deepEqual(errors, []);
});

test("early hints go out before the answer", async (t) => {
  const app = forHttp(async (_scope, _receive, send) => {
    await send({
      type: "http.response.early_hint",
      links: ["</a.css>; rel=preload", Buffer.from("</b.js>; rel=preload")],
    });
    await send(start());
    await send(body("x"));
  });
  const { port } = await serve(t, app);
  const client = await connect(port);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const { status, headers } = await client.response();
  assert.equal(status, 103);
  assert.match(headers.get("link") ?? "", /a\.css>; rel=preload, <\/b\.js>/);
  assert.equal((await client.response()).status, 200);
  const old = await connect(port);
  old.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  assert.match(await old.closed(), /^HTTP\/1\.1 200/);
});

const extensionsOf = async (t: TestContext, protocol: Spoken): Promise<Served> =>
  serve(
    t,
    forHttp(async ({ extensions }, _receive, send) => {
      await send(start());
      await send(body(Object.keys(extensions).sort().join()));
    }),
    "auto",
    { protocol },
  );

for (const speaker of speakers) {
  test(`${speaker.protocol}: the extensions that it can carry are offered`, async (t) => {
    const { port } = await extensionsOf(t, speaker.protocol);
    const asked = await speaker.ask(port, {});
    let given = "";
    for await (const piece of (await asked.answer()).body) given += String(piece);
    const more = ["http.response.early_hint", "http.response.trailers"];
    const offered = ["http.response.pathsend", ...(speaker.protocol.startsWith("http") ? more : [])];
    assert.equal(given, offered.sort().join());
    asked.leave();
  });
}

test("HTTP/1.0: the extensions that it can carry are offered", async (t) => {
  const { port } = await extensionsOf(t, "http");
  const client = await connect(port);
  client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  assert.match(await client.closed(), /\r\n\r\nhttp\.response\.pathsend$/);
});

test("trailers follow the body", async (t) => {
  const app = forHttp(async (_scope, _receive, send) => {
    const headers: [string, string][] = [
      ["trailer", "x-one"],
      ["Trailer", "x-two"],
    ];
    await send({ type: "http.response.start", status: 200, headers, trailers: true });
    await send(body("text"));
    await send({ type: "http.response.trailers", headers: [["x-one", "1"]], more_trailers: true });
    await send({ type: "http.response.trailers", headers: [["x-two", "2"]] });
  });
  const { port } = await serve(t, app);
  const req = http.get({ host: "127.0.0.1", port, agent: false });
  const [res] = await once(req, "response");
  let text = "";
  for await (const piece of res) text += piece;
  assert.deepEqual([text, res.trailers], ["text", { "x-one": "1", "x-two": "2" }]);
  assert.equal(res.headers.trailer, "x-one, x-two");
});

for (const [what, version, start, method = "GET"] of [
  ["where none are said to follow", "1.1", { headers: [["trailer", "x-one"]] }],
  ["by a client of HTTP/1.0", "1.0", { headers: [["trailer", "x-one"]], trailers: true }],
  ["by HEAD", "1.1", { headers: [["trailer", "x-one"]], trailers: true }, "HEAD"],
  [
    "where a length is declared",
    "1.1",
    {
      headers: [
        ["trailer", "x-one"],
        ["content-length", "4"],
      ],
      trailers: true,
    },
  ],
] as const) {
  test(`trailers that can't follow are not announced: ${what}`, async (t) => {
    const app = forHttp(async (_scope, _receive, send) => {
      await send({ type: "http.response.start", status: 200, ...start });
      await send(body("text"));
      if ("trailers" in start) await send({ type: "http.response.trailers", headers: [["x-one", "1"]] });
    });
    const { port } = await serve(t, app);
    const client = await connect(port);
    client.send(`${method} / HTTP/${version}\r\nHost: a\r\nConnection: close\r\n\r\n`);
    const answer = await client.closed();
    assert.match(answer, /^HTTP\/1\.1 200/);
    assert.doesNotMatch(answer, /trailer|x-one/i);
    assert.equal(/text/.test(answer), method !== "HEAD");
  });
}

test("a path is sent with its length, to HEAD without its body", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "tgunicorn-asgi-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const path = join(dir, "file");
  writeFileSync(path, "x".repeat(300_000));
  const app = forHttp(async (scope, _receive, send) => {
    await send(start());
    const paths: Record<string, string> = { "/missing": join(dir, "no"), "/proc": "/proc/self/status" };
    await send({ type: "http.response.pathsend", path: paths[scope.path] ?? path });
  });
  const { request, errors } = await serve(t, app);
  const whole = await request({ path: "/" });
  assert.deepEqual([whole.body.length, whole.headers["content-length"]], [300_000, "300000"]);
  const head = await request({ path: "/", method: "HEAD" });
  assert.deepEqual([head.body, head.headers["content-length"]], ["", "300000"]);
  // It says that it has no bytes.
  assert.match((await request({ path: "/proc" })).body, /^Name:/);
  assert.equal((await request({ path: "/missing" })).status, 500);
  assert.match(errors.join(), /ENOENT/);
});

test("asgi is recognised by its mark or the names of its arguments", () => {
  assert.equal(detect(asgi(() => undefined)).kind, "asgi");
  for (const app of [
    async (_scope: 1, _receive: 2, _send: 3) => {},
    function app(_scope: 1, _receive: 2, _send: 3) {},
    { async app(_scope: 1, _receive: 2, _send: 3) {} }.app,
  ]) {
    assert.equal(detect(app).kind, "asgi");
  }
  assert.throws(() => detect((_req: 1, _res: 2, _next: 3) => {}), /--interface asgi.*--interface node/);
});

test("asgi() refuses what is no function where it is written", () => {
  assert.throws(() => Reflect.apply(asgi, undefined, [{}]), /takes a function \(scope, receive, send\)/);
});
