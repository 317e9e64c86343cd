// The part under test, as one value, so that a planted fault can take its place.

import { type ArbiterState, initialState } from "../../src/arbiter/state.ts";
import { type Step, step } from "../../src/arbiter/step.ts";

export interface Core {
  readonly initialState: typeof initialState;
  readonly step: typeof step;
}

export const core: Core = { initialState, step };

export type { ArbiterState, Step };
