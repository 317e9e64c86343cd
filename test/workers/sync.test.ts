import { sync } from "../../src/workers/sync.ts";
import { workerKindContract } from "../contract/worker-kind.ts";

workerKindContract(sync, { keepAlive: false, atOnce: "one" });
