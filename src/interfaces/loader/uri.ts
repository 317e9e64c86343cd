// The application's name on the command line: `module`, `module:attribute`, `module:dotted.attribute`,
// `module:factory("arg", 1)`.

import { serverError } from "../../errors.ts";
import { parseLiterals } from "./literals.ts";

export interface AppUri {
  readonly module: string;
  /** The attribute, part by part; empty where none is named and the default names are looked for. */
  readonly path: readonly string[];
  /** The factory's arguments; undefined where nothing is to be called. */
  readonly args: readonly unknown[] | undefined;
  /** What follows the colon, as written. */
  readonly expression: string;
}

const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

/** Takes an application's name apart. Throws APP_URI where it can't be understood. */
export function parseAppUri(uri: string): AppUri {
  const colon = uri.indexOf(":");
  const module = (colon < 0 ? uri : uri.slice(0, colon)).trim();
  const expression = colon < 0 ? "" : uri.slice(colon + 1).trim();
  if (module === "") {
    throw serverError("APP_URI", { uri, what: "the module is missing: write module:attribute" });
  }
  if (expression === "") return { module, path: [], args: undefined, expression };

  const open = expression.indexOf("(");
  const name = open < 0 ? expression : expression.slice(0, open).trim();
  const path = name.split(".");
  if (!path.every((part) => IDENTIFIER.test(part))) {
    throw serverError("APP_URI", {
      uri,
      what: `Failed to parse '${expression}' as an attribute name or function call. Write module:attribute, module:dotted.attribute or module:factory("argument", 1)`,
    });
  }
  if (open < 0) return { module, path, args: undefined, expression };

  const parsed = parseLiterals(expression.slice(open));
  if (parsed.kind === "error") {
    throw serverError("APP_URI", {
      uri,
      what: `Failed to parse arguments as literal values: ${parsed.what} in ${expression}. Strings, numbers, true, false, null, [lists] and {"keys": values} can be given`,
    });
  }
  return { module, path, args: parsed.values, expression };
}
