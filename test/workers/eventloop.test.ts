import { eventloop } from "../../src/workers/eventloop.ts";
import { workerKindContract } from "../contract/worker-kind.ts";

workerKindContract(eventloop, { keepAlive: true, atOnce: "many" });
