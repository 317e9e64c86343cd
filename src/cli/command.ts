// argv -> what to do. Prints nothing and ends nothing: that is main's.
import type { Resolved } from "../config/resolve.ts";
import { settings } from "../config/settings/index.ts";
import { version } from "../config/version.ts";
import { serverError } from "../errors.ts";
import { type Invocation, loadOptions } from "./load.ts";
import { type Asked, readOptions } from "./options.ts";

export { version } from "../config/version.ts";
export { type Invocation, loadConfig } from "./load.ts";

export type Intention =
  /** Print the text on standard output and end with 0. */
  | { readonly type: "say"; readonly text: string }
  | { readonly type: "serve"; readonly resolved: Resolved }
  /** Check and end with 0 or 1; silent where all is well. */
  | { readonly type: "check"; readonly resolved: Resolved }
  /** Print the text on standard output, then check that the application loads, as Gunicorn does. */
  | { readonly type: "print"; readonly text: string; readonly resolved: Resolved };

/**
 * What the command line asks for. `width` is the terminal's, for the help.
 * @throws what loadConfig throws, and APP_MISSING where there is nothing to serve.
 */
export async function readCommand(invocation: Invocation, width = 80): Promise<Intention> {
  const options = readOptions(invocation.argv);
  const { asked } = options;
  if (asked !== undefined) return { type: "say", text: await answerTo(asked, width) };

  const resolved = await loadOptions(options, invocation, settings.bootTimeout.default);
  const { config } = resolved;
  if (config.printConfig !== "off") {
    const { printConfig } = await import("../config/print.ts");
    return { type: "print", text: printConfig(resolved, config.printConfig), resolved };
  }
  if (config.app === null) throw serverError("APP_MISSING", {});
  return { type: config.checkConfig ? "check" : "serve", resolved };
}

async function answerTo(asked: Asked, width: number): Promise<string> {
  switch (asked.type) {
    case "help":
      return await (await import("./help.ts")).helpText(width);
    case "version":
      return `tgunicorn (version ${version()})\n`;
    case "completion":
      return (await import("./completion.ts")).completionScript(asked.shell);
  }
}
