// Where the application is mounted, and the path below that.

import { below, percentDecoded } from "../path.ts";

export interface Mounted {
  /** Percent-decoded; empty at the root. */
  readonly scriptName: string;
  /** Percent-decoded. */
  readonly pathInfo: string;
}

/** What a front has said; a variable that it did not send is undefined, one that it sent empty is empty. */
export interface Told {
  readonly target: string;
  readonly scriptName: string | undefined;
  readonly pathInfo: string | undefined;
  /** SCRIPT_NAME is the front's way to name any path, which is none to mount an application at. */
  readonly namesScript: boolean;
}

/**
 * As CGI has it (RFC 3875 sections 4.1.5 and 4.1.13) where the front does. Where PATH_INFO is missing, it is the path of
 * the request less SCRIPT_NAME. nginx's uwsgi_params give the whole path as PATH_INFO, whatever SCRIPT_NAME is: then that
 * is taken off. nginx's fastcgi_params, and Apache, give it as SCRIPT_NAME, as if each path were a script of its own.
 */
export function mountOf(told: Told): Mounted {
  const path = decodedPath(told.target);
  const scriptName = mountName(textOf(told.scriptName ?? ""));
  const pathInfo = told.pathInfo === undefined ? undefined : textOf(told.pathInfo);
  const rest = below(scriptName, path);
  if (pathInfo !== undefined && (pathInfo !== "" || (scriptName !== "" && rest === ""))) {
    if (pathInfo !== path) return { scriptName, pathInfo };
    // A path that is not below it, such as /shopx where nginx's `location /shop` has it, is at the root.
    return rest === undefined ? { scriptName: "", pathInfo: path } : { scriptName, pathInfo: rest };
  }
  if (rest === undefined || (told.namesScript && rest === "")) return { scriptName: "", pathInfo: path };
  return { scriptName, pathInfo: rest };
}

/** `/` and `/app/` are ways to write the root and `/app`. */
const mountName = (name: string): string => (name.endsWith("/") ? name.slice(0, -1) : name);

/** The path of a target, decoded; empty for `*`. */
function decodedPath(target: string): string {
  const absolute = target.startsWith("/") ? null : /^[a-z][a-z\d+.-]*:\/\/[^/?#]*(.*)$/i.exec(target);
  const local = absolute === null ? target : (absolute[1] ?? "");
  const mark = local.indexOf("?");
  const path = mark < 0 ? local : local.slice(0, mark);
  return path === "*" ? "" : percentDecoded(path);
}

/** Variables are bytes, here one character each; paths are UTF-8. */
function textOf(bytes: string): string {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes.charCodeAt(i) > 0x7f) return Buffer.from(bytes, "latin1").toString("utf8");
  }
  return bytes;
}

/** A path in the way a target has it. `path` is bytes. */
export const encodePath = (path: string): string =>
  path.replace(
    /[^\w\-.~!$&'()*+,;=:@/]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
