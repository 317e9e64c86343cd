import { hasExample } from "../peers/peer.ts";
import { frameworkContract } from "./contract.ts";

frameworkContract({
  name: "Next",
  directory: "next/.next/standalone",
  app: "app:app",
  lengths: false,
  installed: (t) => hasExample(t, "next", ".next/standalone/app.mjs"),
});
