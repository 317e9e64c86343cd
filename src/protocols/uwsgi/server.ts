// uwsgi, as nginx speaks it with uwsgi_pass. https://uwsgi-docs.readthedocs.io/en/latest/Protocol.html

import { httpHead } from "../cgi/answer.ts";
import { createSingle } from "../cgi/single.ts";
import type { Engine, EngineOptions } from "../engine.ts";
import { decodeUwsgi, measureUwsgi } from "./decode.ts";

export function createUwsgi(options: EngineOptions): Engine {
  return createSingle(options, {
    name: "uwsgi",
    measure: measureUwsgi,
    decode: decodeUwsgi,
    makeHead: httpHead,
  });
}
