// Splits GUNICORN_CMD_ARGS into words as a shell would, without expanding anything.

export type Words =
  | { readonly ok: true; readonly words: readonly string[] }
  | { readonly ok: false; readonly what: string };

/** POSIX quoting: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02 */
export function shellWords(text: string): Words {
  const words: string[] = [];
  let word: string | undefined;
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      at += 1;
    } else if (char === "'" || char === '"') {
      const end = closing(text, at);
      if (end < 0) {
        return { ok: false, what: `the quote ${char} at character ${at + 1} is not closed` };
      }
      word = (word ?? "") + quoted(text.slice(at + 1, end), char);
      at = end + 1;
    } else if (char === "\\") {
      if (at + 1 === text.length) return { ok: false, what: "nothing follows the backslash at the end" };
      word = (word ?? "") + text.charAt(at + 1);
      at += 2;
    } else {
      word = (word ?? "") + char;
      at += 1;
    }
  }
  if (word !== undefined) words.push(word);
  return { ok: true, words };
}

/** Where the quote that opens at `open` closes, or -1. In double quotes a backslash may hide one. */
function closing(text: string, open: number): number {
  const quote = text.charAt(open);
  for (let at = open + 1; at < text.length; at++) {
    if (text.charAt(at) === quote) return at;
    if (quote === '"' && text.charAt(at) === "\\") at += 1;
  }
  return -1;
}

const quoted = (inner: string, quote: string): string =>
  quote === "'" ? inner : inner.replace(/\\(["\\$`])/g, "$1").replace(/\\\n/g, "");
