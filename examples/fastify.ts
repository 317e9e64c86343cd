// A Fastify application, made by a factory. Run it: npx tgunicorn -w 4 --chdir examples fastify:app
// or, with an argument: npx tgunicorn -w 4 --chdir examples 'fastify:create("Hi")'

import Fastify, { type FastifyInstance } from "fastify";

export function create(greeting = "Hello"): FastifyInstance {
  const fastify = Fastify();
  fastify.get("/", async () => `${greeting} from Fastify\n`);
  fastify.post("/echo", async (request) => request.body);
  return fastify;
}

export const app = create();
