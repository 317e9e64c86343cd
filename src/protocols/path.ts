// Paths of requests, decoded.

/** Percent-decodes a path as UTF-8; what is no UTF-8 becomes U+FFFD, and a lone % stays. */
export function percentDecoded(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    const bytes = path.replace(/%([\da-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(bytes, "latin1").toString("utf8");
  }
}

/** What is left of a decoded path below `mount`; undefined where it is not below it. */
export function below(mount: string, path: string): string | undefined {
  if (mount === "") return path;
  if (!path.startsWith(mount)) return undefined;
  const rest = path.slice(mount.length);
  return rest === "" || rest.startsWith("/") ? rest : undefined;
}
