// Why a worker or a thread of it could not start, as the arbiter is told.

import { describeError } from "../log/stack.ts";

/** Gunicorn's exit statuses: 4 the application does not load, 3 anything else. */
export function statusOf(error: unknown): 3 | 4 {
  return error instanceof Error && "exitStatus" in error && error.exitStatus === 4 ? 4 : 3;
}

/** A user's mistake is its message; anything else shows where it happened. */
export function reasonOf(error: unknown): string {
  return error instanceof Error && "exitStatus" in error ? error.message : describeError(error);
}

/** What another thread has told by the two above, as an error that tells the same. */
export function bootFailure(status: 3 | 4, reason: string): Error {
  return Object.assign(new Error(reason), { exitStatus: status });
}
