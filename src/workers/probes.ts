// Probes of the service's own address, answered before anything counts, logs or hooks them.

import type { Exchange } from "../protocols/exchange.ts";
import { ACCEPTED_AT } from "../protocols/front.ts";
import type { Leave } from "./leave.ts";
import type { Pipeline } from "./pipeline.ts";

/** Where `path` is null it is the same pipeline. */
export function answeringProbes(
  pipeline: Pipeline,
  path: string | null,
  leave: Pick<Leave, "announced">,
): Pipeline {
  if (path === null) return pipeline;
  const { handle, over } = pipeline;
  const [served, stopping] = [answerOf(200, "ok\n"), answerOf(503, "the server stops\n")];
  const isProbe = ({ target, method }: Exchange): boolean =>
    target.startsWith(path) &&
    (target.length === path.length || target.charAt(path.length) === "?") &&
    (method === "GET" || method === "HEAD");
  return {
    ...pipeline,
    handle(exchange) {
      if (!isProbe(exchange)) return handle(exchange);
      // The first request of its connection, which alone tells how long that has waited, is nobody's then.
      const { socket } = exchange.connection;
      if (socket[ACCEPTED_AT] !== undefined) socket[ACCEPTED_AT] = 0;
      (leave.announced() ? stopping : served)(exchange);
    },
    over:
      over &&
      ((exchange) => {
        if (!isProbe(exchange)) over(exchange);
      }),
  };
}

function answerOf(status: number, body: string): (exchange: Exchange) => void {
  const headers = [
    ...["Content-Type", "text/plain; charset=utf-8"],
    ...["Content-Length", String(body.length)],
    ...["Cache-Control", "no-store"],
  ];
  return (exchange) => {
    exchange.head(status, undefined, headers);
    exchange.end(exchange.method === "HEAD" ? undefined : body);
  };
}
