// FastCGI, as nginx speaks it with fastcgi_pass. https://fastcgi-archives.github.io/FastCGI_Specification.html

import { createGateway } from "../cgi/gateway.ts";
import { compileReader } from "../cgi/request.ts";
import type { Engine, EngineOptions } from "../engine.ts";
import { FastcgiTalk } from "./talk.ts";

export function createFastcgi(options: EngineOptions): Engine {
  const { keepalive } = options.config;
  const read = compileReader(options.config);
  return createGateway(options, {
    name: "FastCGI",
    keepalive: keepalive * 1_000,
    open: (link) => new FastcgiTalk(link, options, read),
  });
}
