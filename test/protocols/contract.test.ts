import { protocolContract } from "../contract/protocol.ts";
import { speakers } from "../contract/speakers.ts";

for (const speaker of speakers) protocolContract(speaker);
