// From a module's exports to the attribute that is meant.

import { inspect } from "node:util";
import { nearest } from "../../config/nearest.ts";
import { serverError } from "../../errors.ts";
import type { AppUri } from "./uri.ts";

export interface Found {
  readonly value: unknown;
  /** What a factory is called upon. */
  readonly owner: unknown;
}

/** The export that `uri` names, or the first of the default names. Throws APP_ATTRIBUTE with what there is instead. */
export function findExport(uri: AppUri, exported: unknown): Found {
  const [first, ...rest] = uri.path;
  if (first === undefined) return findDefault(uri, exported);
  let found = findFirst(uri, exported, first);
  for (const name of rest) {
    if (!has(found.value, name)) throw missing(uri, name, [found.value]);
    found = { value: Reflect.get(found.value, name), owner: found.value };
  }
  return found;
}

function findFirst(uri: AppUri, exported: unknown, name: string): Found {
  const owners = [exported, defaultOf(exported)];
  for (const owner of owners) {
    if (has(owner, name)) return { value: Reflect.get(owner, name), owner };
  }
  throw missing(uri, name, owners);
}

function findDefault(uri: AppUri, exported: unknown): Found {
  const whole = defaultOf(exported);
  // What a CommonJS module exports can hide below `default`: not every name is found without running it.
  const owners = isPlain(whole) ? [exported, whole] : [exported];
  for (const owner of owners) {
    for (const name of ["application", "app"]) {
      if (has(owner, name)) return { value: Reflect.get(owner, name), owner };
    }
  }
  // A compiled module without exports is an empty object.
  if (whole === undefined || isEmpty(whole)) {
    throw missing(uri, "application", owners);
  }
  // `export default` compiled to CommonJS: once more below.
  const value = isCompiled(whole) && has(whole, "default") ? whole.default : whole;
  return { value, owner: exported };
}

/** The default export, or the whole of a CommonJS module. */
function defaultOf(exported: unknown): unknown {
  if (has(exported, "default")) return Reflect.get(exported, "default");
  return isNamespace(exported) ? undefined : exported;
}

type Named = object & Record<string, unknown>;

function isObject(value: unknown): value is Named {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function has(owner: unknown, name: string): owner is Named {
  // Inherited names count (a method of an instance), those that every object and function has do not.
  return isObject(owner) && (Object.hasOwn(owner, name) || (name in owner && !(name in Function.prototype)));
}

const isCompiled = (value: unknown): value is Named => isObject(value) && value.__esModule === true;

const isNamespace = (value: unknown): boolean =>
  isCompiled(value) || Object.prototype.toString.call(value) === "[object Module]";

function isPlain(value: unknown): value is Named {
  return isObject(value) && [Object.prototype, null].includes(Object.getPrototypeOf(value));
}

/** What a CommonJS module without exports has for a default export. */
const isEmpty = (value: unknown): boolean => isPlain(value) && Object.keys(value).length === 0;

/** The factory that is to be called, or an error that says that it is none. */
export function asFactory(uri: AppUri, value: unknown): (...args: unknown[]) => unknown {
  if (isFunction(value)) return value;
  throw serverError("APP_ATTRIBUTE", {
    what: `'${uri.path.join(".")}' in '${uri.module}' is ${inspect(value, { depth: 0 })}, not a function that can be called. Leave the parentheses out`,
  });
}

const isFunction = (value: unknown): value is (...args: unknown[]) => unknown => typeof value === "function";

/** The error for an attribute, or a factory's answer, that is nothing. */
export function missingValue(uri: AppUri, value: unknown): Error {
  const name = uri.expression || "default";
  const why = uri.args === undefined ? `it is ${value}` : `it returned ${value}`;
  return serverError("APP_ATTRIBUTE", {
    what: `Failed to find application object: '${name}' in '${uri.module}': ${why}`,
  });
}

function missing(uri: AppUri, name: string, owners: readonly unknown[]): Error {
  const hasEmptyDefault = owners.some((owner) => has(owner, "default") && isEmpty(owner.default));
  const known = [...new Set(owners.filter(isObject).flatMap((owner) => Object.keys(owner)))].filter(
    (key) => key !== "__esModule" && key !== "module.exports" && !(key === "default" && hasEmptyDefault),
  );
  const above = uri.path.slice(0, uri.path.indexOf(name));
  const near = nearest(name, known) ?? (known.length === 1 ? known[0] : undefined);
  const where = [uri.module, ...(above.length === 0 ? [] : [above.join(".")])].join(":");
  const meant =
    near === "default" && above.length === 0 ? uri.module : `${uri.module}:${[...above, near].join(".")}`;
  const hints = [
    known.length === 0 ? "There are none." : `There are: ${known.slice(0, 20).join(", ")}.`,
    near === undefined ? "" : `Did you mean '${meant}'?`,
  ];
  return serverError("APP_ATTRIBUTE", {
    what: [
      `Failed to find attribute '${name}'${uri.path.length === 0 ? ", 'app' or a default export" : ""} in '${where}'.`,
      ...hints,
    ]
      .filter(Boolean)
      .join(" "),
  });
}
