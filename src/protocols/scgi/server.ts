// SCGI, as nginx speaks it with scgi_pass. https://python.ca/scgi/protocol.txt

import { cgiHead } from "../cgi/answer.ts";
import { createSingle } from "../cgi/single.ts";
import type { Engine, EngineOptions } from "../engine.ts";
import { largestHead } from "../http1/rules.ts";
import { decodeScgi, measureScgi } from "./decode.ts";

export function createScgi(options: EngineOptions): Engine {
  return createSingle(options, {
    name: "SCGI",
    measure: measureScgi(largestHead(options.config)),
    decode: decodeScgi,
    makeHead: cgiHead,
  });
}
