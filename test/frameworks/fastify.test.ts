import { frameworkContract } from "./contract.ts";

frameworkContract({ name: "Fastify", directory: "showcase", app: "fastify:app" });
