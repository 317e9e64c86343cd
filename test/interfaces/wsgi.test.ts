import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setImmediate as tick } from "node:timers/promises";
import { type Environ, type WsgiApplication, wsgi } from "../../src/interfaces/wsgi.ts";
import { interfaceContract, PIECE, type Stage } from "../contract/interface.ts";
import { latch, type Served, serve } from "./serve.ts";

const PLAIN: [string, string][] = [["Content-Type", "text/plain"]];

function make(stage: Stage): WsgiApplication {
  const apps: Record<string, WsgiApplication> = {
    "/hello": (_environ, start) => {
      start("200 OK", [["X-One", "1"]]);
      return ["hello"];
    },
    "/echo": (environ, start) => {
      start("200 OK", PLAIN);
      return environ["wsgi.input"];
    },
    "/count": async (environ, start) => {
      start("200 OK", PLAIN);
      return [String((await environ["wsgi.input"].readAsync()).length)];
    },
    "/headers": (environ, start) => {
      start("200 OK", [
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
      ]);
      return [environ.HTTP_X_IN ?? ""];
    },
    "/empty": (_environ, start) => {
      start("204 No Content", []);
      return [];
    },
    "/teapot": (_environ, start) => {
      start("418 I'm a teapot", []);
      return [];
    },
    "/stream": async function* (_environ, start) {
      start("200 OK", PLAIN);
      yield "first";
      await stage.released;
      yield "second";
    },
    "/throw": () => {
      throw new Error("thrown by the application");
    },
    "/reject": async () => {
      await tick();
      throw new Error("thrown by the application");
    },
    "/half": function* (_environ, start) {
      start("200 OK", PLAIN);
      yield "half";
      throw new Error("thrown by the application");
    },
    "/short": function* (_environ, start) {
      start("200 OK", [["Content-Length", "100"]]);
      yield "short";
    },
    "/long": function* (_environ, start) {
      start("200 OK", [["Content-Length", "4"]]);
      yield "lo";
      yield "nger";
    },
    "/leave": async (environ) => {
      stage.entered();
      await once(environ["tgunicorn.signal"], "abort");
      stage.left(0);
      throw environ["tgunicorn.signal"].reason;
    },
    "/endless": function* (_environ, start) {
      start("200 OK", PLAIN);
      let made = 0;
      try {
        for (;;) {
          made += PIECE.length;
          yield PIECE;
        }
      } finally {
        stage.left(made);
      }
    },
  };
  return wsgi((environ, start) => {
    const app = apps[environ.PATH_INFO];
    assert.ok(app);
    return app(environ, start);
  });
}

interfaceContract({ name: "wsgi", interface: "auto", make });

/** An application that answers with what `look` sees in the environ. */
const looking = (look: (environ: Environ) => unknown): WsgiApplication =>
  wsgi((environ, start) => {
    start("200 OK", PLAIN);
    return [JSON.stringify(look(environ))];
  });

/** Takes what a compiler would not. */
type Loose = (environ: unknown, start: (status: unknown, headers: unknown) => unknown) => unknown;

const saying =
  (status: unknown, headers: unknown, body: unknown): Loose =>
  (_environ, start) => {
    start(status, headers);
    return typeof body === "function" ? body() : body;
  };

const serveLoose = (t: TestContext, app: Loose): Promise<Served> => serve(t, app, "wsgi");

test("the environ has every key that Gunicorn supplies", async (t) => {
  const { request, port } = await serve(
    t,
    looking((environ) => ({ ...environ, "wsgi.input": 0, "wsgi.errors": 0, "tgunicorn.signal": 0 })),
  );
  const headers = {
    host: "example.org",
    "content-type": "text/csv",
    "content-length": "0",
    "x-forwarded-proto": "https",
    x_real_ip: "1.2.3.4",
    cookie: "a=1",
  };
  const answer = await request({ path: "/caf%C3%A9%2F%20?q=%20", method: "PUT", headers });
  const { REMOTE_PORT, ...environ } = JSON.parse(answer.body);
  assert.match(REMOTE_PORT, /^\d+$/);
  assert.deepEqual(environ, {
    REQUEST_METHOD: "PUT",
    SCRIPT_NAME: "",
    PATH_INFO: "/café/ ",
    QUERY_STRING: "q=%20",
    RAW_URI: "/caf%C3%A9%2F%20?q=%20",
    SERVER_NAME: "127.0.0.1",
    SERVER_PORT: String(port),
    SERVER_PROTOCOL: "HTTP/1.1",
    SERVER_SOFTWARE: "tgunicorn/test",
    REMOTE_ADDR: "127.0.0.1",
    "wsgi.version": [1, 0],
    "wsgi.url_scheme": "https",
    "wsgi.input": 0,
    "wsgi.input_terminated": true,
    "wsgi.errors": 0,
    "wsgi.multithread": false,
    "wsgi.multiprocess": true,
    "wsgi.run_once": false,
    "tgunicorn.signal": 0,
    CONTENT_TYPE: "text/csv",
    CONTENT_LENGTH: "0",
    HTTP_HOST: "example.org",
    HTTP_X_FORWARDED_PROTO: "https",
    HTTP_COOKIE: "a=1",
    HTTP_CONNECTION: "close",
  });
});

for (const [target, path, query] of [
  ["/a%zz%C3", "/a%zz\ufffd", ""],
  ["http://other.example/a?b?c", "/a", "b?c"],
  ["http://other.example", "", ""],
  ["/?", "/", ""],
] as const) {
  test(`PATH_INFO and QUERY_STRING of ${target}`, async (t) => {
    const { request } = await serve(
      t,
      looking(({ PATH_INFO, QUERY_STRING }) => [PATH_INFO, QUERY_STRING]),
    );
    const headers = { host: /^http:/.test(target) ? "other.example" : "example.org" };
    assert.deepEqual(JSON.parse((await request({ path: target, headers })).body), [path, query]);
  });
}

test("wsgi.input reads short bodies synchronously", async (t) => {
  const { request } = await serve(
    t,
    looking(({ "wsgi.input": input }) =>
      [
        input.read(3),
        input.readline(),
        input.readline(2),
        input.readlines(1),
        [...input].map(String),
        input.read(),
        input.readline(),
      ].map(String),
    ),
  );
  const answer = await request({ path: "/", method: "POST" }, "abcdef\nline\nx\ny\nlast");
  assert.deepEqual(JSON.parse(answer.body), ["abc", "def\n", "li", "ne\n", "x\n,y\n,last", "", ""]);
});

for (const framing of ["content-length", "chunked"]) {
  test(`wsgi.input says what to write for a body too large to be there (${framing})`, async (t) => {
    const { request } = await serve(
      t,
      wsgi(async (environ, start) => {
        const input = environ["wsgi.input"];
        let complaint = "";
        try {
          input.read(1);
        } catch (error) {
          complaint = String(error);
        }
        const first = await input.readAsync(3);
        const streamed = await text(input.stream());
        start("200 OK", PLAIN);
        return [`${first} ${streamed.length} ${complaint}`];
      }),
    );
    const headers =
      framing === "chunked" ? { "transfer-encoding": "chunked" } : { "content-length": 100_000 };
    const answer = await request({ path: "/", method: "POST", headers }, "y".repeat(100_000));
    assert.match(answer.body, /^yyy 99997 Error: .*await environ\["wsgi\.input"\]\.readAsync\(\)/);
  });
}

test("wsgi.errors goes to the error log by lines", async (t) => {
  const { request, errors } = await serve(
    t,
    looking(({ "wsgi.errors": log }) => {
      log.write("one ");
      log.write("line\nand ");
      log.writelines(["the ", "rest"]);
      return 0;
    }),
  );
  await request({ path: "/" });
  assert.deepEqual(errors, ["one line", "and the rest"]);
});

test("a body that is all there gets its Content-Length", async (t) => {
  for (const body of [["größe"], ["grö", "", "ße"], "größe", Buffer.from("größe")] as const) {
    const { request } = await serveLoose(t, saying("200 OK", [], body));
    const answer = await request({ path: "/" });
    assert.deepEqual([answer.body, answer.headers["content-length"]], ["größe", "7"]);
  }
});

test("HEAD tells the length that GET would have", async (t) => {
  const { request } = await serveLoose(t, saying("200 OK", [], ["hello"]));
  const answer = await request({ path: "/", method: "HEAD" });
  assert.deepEqual([answer.body, answer.headers["content-length"]], ["", "5"]);
});

test("the head waits for the first piece that is not empty", async (t) => {
  const app = wsgi(function* (_environ, start) {
    yield "";
    start("201 Created", [["X-A", "b"]]);
    yield "";
    yield "body";
  });
  const { request } = await serve(t, app);
  const answer = await request({ path: "/" });
  assert.deepEqual(
    [answer.status, answer.reason, answer.headers["x-a"], answer.body],
    [201, "Created", "b", "body"],
  );
});

test("write() sends before what is returned", async (t) => {
  const app = wsgi((_environ, start) => {
    const write = start("200 OK", PLAIN);
    write("one ");
    write(Buffer.from("two "));
    return ["three"];
  });
  const { request } = await serve(t, app);
  assert.equal((await request({ path: "/" })).body, "one two three");
});

test("a reason phrase of the application's own, or none", async (t) => {
  const own = await serveLoose(t, saying("299 Quite Fine", [], ["x"]));
  assert.equal((await own.request({ path: "/" })).reason, "Quite Fine");
  const none = await serveLoose(t, saying("404", [], ["x"]));
  assert.equal((await none.request({ path: "/" })).status, 404);
});

test("startResponse again is for failures only", async (t) => {
  const twice = await serve(
    t,
    wsgi((_environ, start) => {
      start("200 OK", []);
      start("200 OK", []);
      return [];
    }),
  );
  assert.equal((await twice.request({ path: "/" })).status, 500);
  assert.match(twice.errors.join(), /called already/);

  const replaced = await serve(
    t,
    wsgi((_environ, start) => {
      start("200 OK", [["X-Old", "1"]]);
      start("503 Later", [["X-New", "1"]], new Error("handled"));
      return ["sorry"];
    }),
  );
  const answer = await replaced.request({ path: "/" });
  assert.deepEqual([answer.status, answer.headers["x-old"], answer.headers["x-new"]], [503, undefined, "1"]);

  const late = await serve(
    t,
    wsgi((_environ, start) => {
      start("200 OK", [])("half");
      start("500 Oops", [], new Error("the reason"));
      return [];
    }),
  );
  await assert.rejects(late.request({ path: "/" }));
  assert.match(late.errors.join(), /the reason/);
});

test("close() is called once, whatever happens", async (t) => {
  const bodies: Record<string, () => object> = {
    "an array": () => ["whole"],
    pieces: () =>
      (function* () {
        yield "a";
      })(),
    "a failure in the middle": () =>
      (function* () {
        yield "a";
        throw new Error("middle");
      })(),
    "a piece that is none": () => [1],
    "an asynchronous failure": () =>
      (async function* () {
        yield "a";
        throw new Error("middle");
      })(),
  };
  for (const [what, make] of Object.entries(bodies)) {
    let closed = 0;
    const closing = latch();
    const body = Object.assign(make(), {
      close: () => {
        closed++;
        closing.open();
      },
    });
    const { request } = await serveLoose(t, saying("200 OK", [], body));
    await request({ path: "/" }).catch(() => undefined);
    await closing.promise;
    await tick();
    assert.equal(closed, 1, what);
  }
});

test("close() is called when the client goes away while a piece is awaited", async (t) => {
  const closed = latch();
  const asked = latch();
  const body = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        asked.open();
        return new Promise<IteratorResult<string>>(() => {});
      },
    }),
    close: closed.open,
  };
  const { port, errors } = await serveLoose(t, saying("200 OK", [], body));
  const socket = net.connect(port, "127.0.0.1").on("error", () => {});
  socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await asked.promise;
  socket.destroy();
  await closed.promise;
  assert.deepEqual(errors, []);
});

test("a close() that fails is told in the log and harms no answer", async (t) => {
  for (const close of [
    () => {
      throw new Error("at close", { cause: new Error("deeper") });
    },
    async () => {
      throw new Error("at close", { cause: new Error("deeper") });
    },
  ]) {
    const { request, errors } = await serveLoose(t, saying("200 OK", [], Object.assign(["fine"], { close })));
    assert.equal((await request({ path: "/" })).body, "fine");
    await tick();
    // As all errors are told: with causes, and in terms of the sources.
    assert.match(errors.join(), /at close[\s\S]*deeper/);
  }
});

test("no more is sent than Content-Length declares", async (t) => {
  for (const body of [
    ["too long"],
    () =>
      (function* () {
        yield "too";
        yield " long";
      })(),
  ]) {
    const { request, errors, warnings } = await serveLoose(
      t,
      saying("200 OK", [["Content-Length", "4"]], body),
    );
    assert.equal((await request({ path: "/" })).body, "too ");
    assert.deepEqual(errors, []);
    assert.match(warnings.join(), /GET \/ gave more than the 4 bytes/);
  }
});

test("headers that belong to the connection are left out", async (t) => {
  const { request } = await serveLoose(
    t,
    saying(
      "200 OK",
      [
        ["Connection", "close"],
        ["Transfer-Encoding", "chunked"],
        ["Keep-Alive", "timeout=99"],
      ],
      ["x"],
    ),
  );
  const agent = new http.Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  const { headers } = await request({ path: "/", agent });
  assert.equal(headers.connection, "keep-alive");
  assert.equal(headers["transfer-encoding"], undefined);
  assert.notEqual(headers["keep-alive"], "timeout=99");
});

for (const [what, app, complaint] of [
  ["a status of another form", saying("OK 200", [], []), /no status like "200 OK"/],
  ["a status with a line break", saying("200 OK\r\nX: y", [], []), /no status/],
  ["an interim status", saying("103 Early Hints", [], []), /no status/],
  ["a header's name with a space", saying("200 OK", [["a b", "c"]], []), /no name of a header/],
  [
    "a header's value with a line break",
    saying("200 OK", [["a", "b\r\nc: d"]], []),
    /no value for the header a/,
  ],
  ["a header's value beyond latin-1", saying("200 OK", [["a", "\u2603"]], []), /no value for the header a/],
  ["headers that are no array", saying("200 OK", { a: "b" }, []), /not an array/],
  ["a header that is no pair", saying("200 OK", [["a"]], []), /no \[name, value\]/],
  ["a Content-Length that is no number", saying("200 OK", [["Content-Length", "+1"]], []), /not a number/],
  [
    "two Content-Lengths",
    saying(
      "200 OK",
      [
        ["Content-Length", "1"],
        ["content-length", "1"],
      ],
      ["x"],
    ),
    /given twice/,
  ],
  ["nothing returned", () => undefined, /returned undefined: an iterable/],
  ["a body without startResponse", () => ["x"], /without calling startResponse/],
  ["nothing at all without startResponse", () => [], /without calling startResponse/],
  ["too short an array", saying("200 OK", [["Content-Length", "9"]], ["x"]), /1 of the 9 bytes/],
] as const) {
  test(`${what} is answered with 500`, async (t) => {
    const { request, errors } = await serveLoose(t, app);
    assert.equal((await request({ path: "/" })).status, 500);
    assert.match(errors.join(), complaint);
  });
}

test("wsgi.file_wrapper sends streams and what can be read, and closes them", async (t) => {
  const blocks = ["one ", "two", ""];
  let closed = 0;
  const read = async (size: number): Promise<string | undefined> => {
    assert.equal(size, 16);
    return blocks.shift();
  };
  const { request } = await serve(
    t,
    wsgi((environ, start) => {
      start("200 OK", PLAIN);
      const wrap = environ["wsgi.file_wrapper"];
      if (environ.PATH_INFO === "/stream") return wrap(Readable.from(["three ", "four"]));
      return wrap({ read, close: () => void closed++ }, 16);
    }),
  );
  assert.equal((await request({ path: "/" })).body, "one two");
  assert.equal(closed, 1);
  assert.equal((await request({ path: "/stream" })).body, "three four");
});

test("wsgi() refuses what is no function where it is written", () => {
  assert.throws(() => Reflect.apply(wsgi, undefined, ["app"]), /takes a function/);
});
