import { frameworkContract } from "./contract.ts";

frameworkContract({ name: "Express 5", directory: "showcase", app: "express:app" });
