import { frameworkContract } from "./contract.ts";

frameworkContract({ name: "Hono", directory: "showcase", app: "hono:app" });
