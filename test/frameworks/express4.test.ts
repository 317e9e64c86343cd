import { hasExample } from "../peers/peer.ts";
import { frameworkContract } from "./contract.ts";

frameworkContract({
  name: "Express 4",
  directory: "express4",
  app: "app:app",
  installed: (t) => hasExample(t, "express4"),
});
