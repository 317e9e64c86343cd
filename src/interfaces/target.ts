// A request's target, taken apart.

/** Path and query, undecoded. A proxy's absolute target is taken apart; that of `OPTIONS *` has no path. */
export function splitTarget(target: string): [path: string, query: string] {
  const absolute = target.startsWith("/") ? null : /^[a-z][a-z\d+.-]*:\/\/[^/?#]*(.*)$/i.exec(target);
  const local = absolute === null ? target : (absolute[1] ?? "");
  const mark = local.indexOf("?");
  const path = mark < 0 ? local : local.slice(0, mark);
  return [path === "*" ? "" : path, mark < 0 ? "" : local.slice(mark + 1)];
}
