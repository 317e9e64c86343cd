// The parts of a request target that the log shows.

/** The absolute form's scheme and authority: `GET http://host/path`. */
const ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

function withoutOrigin(target: string): string {
  return target.startsWith("/") ? target : target.replace(ORIGIN, "");
}

/** The path, with %XX turned into the byte it stands for (one character each). */
export function requestPath(target: string): string {
  const rest = withoutOrigin(target);
  const end = rest.search(/[?#]/);
  const path = end === -1 ? rest : rest.slice(0, end);
  if (!path.includes("%")) return path;
  return path.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/** The query, as it was sent, without its question mark; empty where there is none. */
export function requestQuery(target: string): string {
  const fragment = target.indexOf("#");
  const whole = fragment === -1 ? target : target.slice(0, fragment);
  const mark = whole.indexOf("?");
  return mark === -1 ? "" : whole.slice(mark + 1);
}
