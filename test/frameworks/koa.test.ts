import { frameworkContract } from "./contract.ts";

frameworkContract({ name: "Koa", directory: "showcase", app: "koa:app" });
