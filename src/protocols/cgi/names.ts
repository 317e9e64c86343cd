// The names of CGI's variables, and what each is for.

/** Variables that the request is made of. */
export const FACTS = [
  "REQUEST_METHOD",
  "REQUEST_URI",
  "QUERY_STRING",
  "SCRIPT_NAME",
  "PATH_INFO",
  "DOCUMENT_URI",
  "SCRIPT_FILENAME",
  "SERVER_PROTOCOL",
  "REQUEST_SCHEME",
  "UWSGI_SCHEME",
  "HTTPS",
  "REMOTE_ADDR",
  "REMOTE_PORT",
  "CONTENT_LENGTH",
  "CONTENT_TYPE",
] as const;

export type Fact = (typeof FACTS)[number];

/** A fact of the request, a header field, or neither. */
export type Meaning =
  | { readonly kind: "fact"; readonly fact: Fact }
  | { readonly kind: "field"; readonly field: string }
  | { readonly kind: "other" };

/**
 * Fields that are not the request's: those of the connection between the client and the front, and the two that have
 * variables of their own.
 */
const NOT_FIELDS = new Set([
  "Connection",
  "Keep-Alive",
  "Proxy-Connection",
  "Transfer-Encoding",
  "Upgrade",
  "Content-Length",
  "Content-Type",
]);

const OTHER: Meaning = { kind: "other" };
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

// Fronts send the same names over and over.
const known = new Map<string, Meaning>(FACTS.map((fact) => [fact, { kind: "fact", fact }]));
const MOST_KNOWN = 1_024;

export function meaningOf(name: string): Meaning {
  const found = known.get(name);
  if (found !== undefined) return found;
  const meaning = fieldOf(name);
  if (known.size < MOST_KNOWN && name.length < 64) known.set(name, meaning);
  return meaning;
}

/** `HTTP_ACCEPT_LANGUAGE` is Accept-Language. */
function fieldOf(name: string): Meaning {
  if (!name.startsWith("HTTP_") || !TOKEN.test(name)) return OTHER;
  const field = name
    .slice(5)
    .toLowerCase()
    .replaceAll("_", "-")
    .replace(/(?<![a-z\d])[a-z]/g, (letter) => letter.toUpperCase());
  return field === "" || NOT_FIELDS.has(field) ? OTHER : { kind: "field", field };
}
