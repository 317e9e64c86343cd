// The word that was meant, for messages about one that is unknown.

/** Letters to change, add, drop or swap with their neighbour to get from one word to the other. */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let row = 1; row <= from.length; row++) {
    const now = [row];
    for (let at = 1; at <= to.length; at++) {
      const same = from[row - 1] === to[at - 1] ? 0 : 1;
      const get = (line: readonly number[], column: number) => line[column] ?? Number.POSITIVE_INFINITY;
      const swapped = row > 1 && at > 1 && from[row - 1] === to[at - 2] && from[row - 2] === to[at - 1];
      now.push(
        Math.min(
          get(last, at) + 1,
          get(now, at - 1) + 1,
          get(last, at - 1) + same,
          swapped ? get(before, at - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
    before = last;
    last = now;
  }
  return last[to.length] ?? to.length;
}

/** What a beginning of this many letters stands for is no guess any more. */
const enough = 3;

/** The shortest of the candidates that begin with a word. */
function completed(word: string, candidates: readonly string[]): string | undefined {
  if (word.replace(/^-+/, "").length < enough) return undefined;
  const [shortest] = candidates
    .filter((candidate) => candidate.toLowerCase().startsWith(word))
    .sort((one, other) => one.length - other.length);
  return shortest;
}

/** The candidate that was meant by a word: one that begins with it, or else the nearest, where one is near enough. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const asked = word.toLowerCase();
  const whole = completed(asked, candidates);
  if (whole !== undefined) return whole;
  let best: { candidate: string; away: number } | undefined;
  for (const candidate of candidates) {
    const away = distance(asked, candidate.toLowerCase());
    if (away <= Math.max(1, Math.floor(word.length / 3)) && away < (best?.away ?? Number.POSITIVE_INFINITY)) {
      best = { candidate, away };
    }
  }
  return best?.candidate;
}
