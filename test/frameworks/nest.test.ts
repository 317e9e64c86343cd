import { hasExample } from "../peers/peer.ts";
import { frameworkContract } from "./contract.ts";

frameworkContract({
  name: "Nest",
  directory: "nest",
  app: "app:create()",
  installed: (t) => hasExample(t, "nest"),
});
