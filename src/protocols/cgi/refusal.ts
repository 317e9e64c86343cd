// What is wrong with a request that no application may see.

/** What a request is refused with. */
export interface Refusal {
  readonly status: 400 | 403 | 408 | 414 | 431;
  /** For the log. */
  readonly reason: string;
}

/** Thrown by decoders for bytes that are not what should be spoken. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly refusal: Refusal;

  constructor(reason: string, status: Refusal["status"] = 400) {
    super(reason);
    this.refusal = { status, reason };
  }
}
