// Names in certificates.

/** As text: node has one part per line, the widest first; RFC 4514 the narrowest first. */
export const distinguishedName = (lines: string | undefined): string =>
  (lines ?? "").split("\n").reverse().join(",");
