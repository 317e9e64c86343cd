// The application of the protocol contract in ASGI's terms.

import { type AsgiHeaders, asgi, type ReceiveEvent, type SendEvent } from "../../src/interfaces/asgi.ts";
import { PIECE, type ProtocolApp, type Seen, type Stage } from "./protocol-apps.ts";

interface Http {
  readonly receive: () => Promise<ReceiveEvent>;
  readonly begin: (status?: number, headers?: AsgiHeaders) => Promise<void>;
  readonly give: (piece: string | Uint8Array, more?: boolean) => Promise<void>;
}

async function untilGone({ receive }: Http): Promise<void> {
  while ((await receive()).type !== "http.disconnect");
}

async function echo({ receive, begin, give }: Http): Promise<void> {
  await begin();
  for (;;) {
    const event = await receive();
    if (event.type !== "http.request") return;
    await give(event.body, event.more_body);
    if (!event.more_body) return;
  }
}

/** False where `path` is none of those that do something of their own. */
async function play(path: string, http: Http, stage: Stage): Promise<boolean> {
  const { begin, give } = http;
  const whole = async (status: number, headers: AsgiHeaders, body = ""): Promise<void> => {
    await begin(status, headers);
    await give(body);
  };
  const OWN: Readonly<Record<string, () => Promise<void>>> = {
    "/hello": () => whole(200, [["X-One", "1"]], "hello"),
    "/echo": () => echo(http),
    "/cookies": () =>
      whole(200, [
        ["Set-Cookie", "a=1"],
        ["Set-Cookie", "b=2"],
      ]),
    "/empty": () => whole(204, []),
    "/fresh": () => whole(304, [["ETag", '"1"']]),
    "/short": () => whole(200, [["Content-Length", "100"]], "short"),
    "/throw": () => Promise.reject(new Error("thrown")),
    "/stream": async () => {
      await begin();
      await give("first", true);
      await stage.released;
      await give("second");
    },
    "/half": async () => {
      await begin();
      await give("half", true);
      await stage.released;
      throw new Error("thrown");
    },
    "/leave": async () => {
      stage.entered();
      await untilGone(http);
      stage.left();
      await begin();
    },
    "/endless": async () => {
      try {
        await begin();
        for (;;) await give(PIECE, true);
      } finally {
        stage.left();
      }
    },
  };
  const own = OWN[path];
  await own?.();
  return own !== undefined;
}

export const asgiApp: ProtocolApp = {
  interface: "asgi",
  make: (stage) =>
    asgi(async (scope, receive, send: (event: SendEvent) => Promise<void>) => {
      if (scope.type !== "http") throw new Error(`no ${scope.type} here`);
      const http: Http = {
        receive,
        begin: (status = 200, headers = []) => send({ type: "http.response.start", status, headers }),
        give: (body, more = false) => send({ type: "http.response.body", body, more_body: more }),
      };
      if (await play(scope.path, http, stage)) return;
      const field = (name: string): string | undefined =>
        scope.headers.find(([found]) => found === name)?.[1]?.toString();
      const query = scope.query_string.toString();
      const seen: Seen = {
        method: scope.method,
        target: `${scope.raw_path.toString()}${query === "" ? "" : `?${query}`}`,
        in: field("x-in"),
        cookie: field("cookie"),
        scheme: scope.scheme,
        client: scope.client?.[0],
      };
      await http.begin();
      await http.give(JSON.stringify(seen));
    }),
};
