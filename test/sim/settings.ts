// What the environment says about random histories.

/** TGUNICORN_SIM_SEED, or `standard`. */
export function firstSeed(standard: number): number {
  return numberFrom("TGUNICORN_SIM_SEED") ?? standard;
}

/** TGUNICORN_SIM_RUNS, or `standard`. */
export function runs(standard: number): number {
  return numberFrom("TGUNICORN_SIM_RUNS") ?? standard;
}

function numberFrom(name: string): number | null {
  const text = process.env[name];
  if (text === undefined || text === "") return null;
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0)
    throw new RangeError(`${name}: expected a whole number, got "${text}"`);
  return number;
}
