import { threaded } from "../../src/workers/threaded.ts";
import { workerKindContract } from "../contract/worker-kind.ts";

workerKindContract(threaded, { keepAlive: true, atOnce: "one" });
