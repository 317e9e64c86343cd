import { resolve } from "node:path";
import { bool, folder, oneOf, path, string } from "../codec.ts";
import { optional, variables } from "../codec-lists.ts";
import { setting } from "../setting.ts";

export const application = {
  config: setting(optional(path()), {
    default: null,
    flags: ["--config", "-c"],
    inFile: false,
    takes: "at once",
    summary: "The configuration file to read instead of the one in the start directory.",
    details: `A path, also written \`file:PATH\`. Without it the first of these in the start directory is read:
\`gunicorn.conf.ts\`, \`.mts\`, \`.cts\`, \`.js\`, \`.mjs\`, \`.cjs\`, \`.json\`, \`.yaml\`, \`.yml\`, then the key \`tgunicorn\` of \`package.json\`.
No other directory is searched, and a reload looks again; where the file that the server was configured by is gone, it is aborted. \`--print-config\` shows the file that was read.`,
  }),
  app: setting(
    optional(
      string({ metavar: "MODULE:ATTRIBUTE", expected: "module:attribute", offers: { from: "files" } }),
    ),
    {
      default: null,
      flags: [],
      aliases: ["wsgiApp", "wsgi_app"],
      takes: "new workers",
      summary: "The application, where none is named on the command line.",
      details: `\`module:attribute\`, \`module:factory("arg", 1)\` or \`module\` alone. The module is found from \`chdir\`.`,
    },
  ),
  interface: setting(oneOf(["auto", "node", "fetch", "wsgi", "asgi"]), {
    default: "auto",
    flags: ["--interface"],
    takes: "new workers",
    summary: "How the application is called; `auto` recognises it by its shape.",
    details: `- \`node\`: a function \`(req, res)\`, or an Express, Koa or Fastify application.
- \`fetch\`: an object with a \`fetch\` method, or a function from Request to Response.
- \`wsgi\`: a function \`(environ, startResponse)\`, as in PEP 3333.
- \`asgi\`: a function \`(scope, receive, send)\`, as in ASGI 3.0. See [ASGI](asgi.md).`,
  }),
  asgiLifespan: setting(oneOf(["auto", "on", "off"]), {
    default: "auto",
    flags: ["--asgi-lifespan"],
    takes: "new workers",
    summary: "Whether ASGI applications are told of their start and end.",
    details: `With \`auto\` an application that knows no lifespan is served without one; with \`on\` it does not start; with \`off\` it is
not asked. One that says \`lifespan.startup.failed\` does not start, either way.`,
  }),
  chdir: setting(folder(), {
    default: ".",
    flags: ["--chdir"],
    takes: "new workers",
    summary: "The directory to change to before the application is loaded.",
    details:
      "Relative to the directory the server was started in, which is the default. Other relative paths count from here.",
    settle: (value, start) => resolve(start.cwd, value),
  }),
  rawEnv: setting(variables(), {
    default: [],
    flags: ["--env", "-e"],
    takes: "new workers",
    summary: "An environment variable for the application, `KEY=VALUE`; may be given several times.",
    details: 'In a file, a list (`["A=1", "B=2"]`) or an object (`{ A: "1", B: 2 }`).',
  }),
  checkConfig: setting(bool(), {
    default: false,
    flags: ["--check-config"],
    takes: "restart",
    summary: "Check the configuration and that the application loads, then exit with 0 or 1.",
    details: `Silent where all is well. Also checks that the addresses can be bound, that the kind of worker exists,
that log and pid files can be written, and that user and group exist.`,
  }),
  printConfig: setting(
    oneOf(["off", "text", "json"], {
      implied: "text",
      same: new Map([
        [true, "text"],
        [false, "off"],
      ] as const),
    }),
    {
      default: "off",
      flags: ["--print-config"],
      takes: "restart",
      summary: "Print every setting, its value and where it came from, load the application, then exit.",
      details: "`--print-config` prints text, `--print-config=json` prints JSON.",
    },
  ),
} as const;
