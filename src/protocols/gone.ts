// A client that does not wait for its answer any more, as every protocol tells of it.

/** What nginx logs for a client that went away before it got an answer. */
export const CLIENT_GONE = 499;

export const goneError = (): Error => new Error("the client closed the connection");
