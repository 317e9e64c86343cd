import { isAbsolute, relative, sep } from "node:path";

/** A path as the user knows it: from the start directory where it lies there, absolute elsewhere. */
export function shownPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  const outside = short === "" || short === ".." || short.startsWith(`..${sep}`) || isAbsolute(short);
  return outside ? path : short;
}
