// tRPC by its own handler for Node: queries, mutations, batches and subscriptions over server-sent events.
// Run it: npm install --prefix examples/trpc && npx tgunicorn -w 4 --chdir examples/trpc app:app

import { initTRPC } from "@trpc/server";
import { createHTTPHandler } from "@trpc/server/adapters/standalone";

const t = initTRPC.create();

function asText(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError("text is needed");
}

let kept = "nothing";

export const router = t.router({
  hello: t.procedure.input(asText).query(({ input }) => `Hello ${input} from tRPC`),

  keep: t.procedure.input(asText).mutation(({ input }) => {
    kept = input;
    return kept.length;
  }),

  kept: t.procedure.query(() => kept),

  late: t.procedure.query(async ({ signal }) => {
    console.error("the client waits");
    await new Promise((_, reject) => {
      signal?.addEventListener("abort", () => {
        console.error("the client has gone");
        reject(signal.reason);
      });
    });
  }),

  events: t.procedure.subscription(async function* () {
    try {
      for (let id = 1; ; id++) {
        yield `event ${id}`;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      console.error("no more events");
    }
  }),

  fail: t.procedure.query((): string => {
    throw new Error("meant to fail");
  }),
});

export type Router = typeof router;

export const app = createHTTPHandler({ router });
