// What packages put around Node's response, made by hand.

import type { ServerResponse } from "node:http";

type Call = (...args: readonly unknown[]) => unknown;

/** Puts `wrapper` around a function of the response. */
function around(res: ServerResponse, name: string, wrapper: (plain: Call) => Call): void {
  const plain: unknown = Reflect.get(res, name);
  if (typeof plain !== "function") throw new Error(`a response has no ${name}`);
  Reflect.set(
    res,
    name,
    wrapper((...args) => Reflect.apply(plain, res, args)),
  );
}

/** As on-headers 1.0.2: it sets a header when the head is made, and takes a list for an object of headers. */
export function likeOnHeaders(res: ServerResponse): void {
  around(res, "writeHead", (plain) => (status, ...args) => {
    const headers: unknown = args.at(-1);
    res.setHeader("X-On-Headers", "1");
    if (typeof headers === "object" && headers !== null) {
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, String(value)[0] ?? "");
    }
    return plain(status);
  });
}

/**
 * As express-session: keeps the last byte back until its store has answered. The function that is given lets the store
 * answer.
 */
export function likeSession(res: ServerResponse): () => void {
  const kept: (() => void)[] = [];
  around(res, "end", (plain) => (chunk) => {
    const text = typeof chunk === "string" ? chunk : "";
    if (text !== "") res.write(text.slice(0, -1));
    kept.push(() => plain(text.slice(-1)));
    return res;
  });
  return () => {
    for (const answer of kept.splice(0)) answer();
  };
}

/** As a package that watches what is set, and sets something itself. */
export function likeWatch(res: ServerResponse): void {
  for (const name of ["setHeader", "appendHeader", "removeHeader", "write"]) {
    around(res, name, (plain) => (...args) => {
      if (name !== "write")
        return name === "removeHeader" ? undefined : plain(`X-${String(args[0])}`, args[1]);
      return plain("wrapped");
    });
  }
}

/** All of them, over a response in which everything is set. */
export function wrapped(res: ServerResponse): () => void {
  res.setHeader("Set-Cookie", "a=1").setHeader("Content-Encoding", "gzip").setHeader("Date", "yesterday");
  res.setHeader("Trailer", "X-Sum").addTrailers({ "X-Sum": "2" });
  res.statusMessage = "Fine";
  likeOnHeaders(res);
  const answer = likeSession(res);
  likeWatch(res);
  return answer;
}
