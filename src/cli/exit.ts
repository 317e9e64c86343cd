// The end of the process, which is main's to decide and not that of a configuration file, or of an application that is
// only to be checked.

/** Ends the process, also while `keepRunning` holds others from it. */
export const exit = process.exit.bind(process);

/**
 * Does `work`, in which process.exit throws: a reload that meets it is given up, and the server serves on; a check that
 * meets it fails.
 */
export async function keepRunning<T>(work: () => Promise<T>): Promise<T> {
  const before = process.exit;
  process.exit = (status) => {
    const error = new Error(
      `process.exit(${status ?? ""}) was called; throw an error that says what is wrong`,
    );
    // Where it is called, not here.
    Error.captureStackTrace(error, process.exit);
    throw error;
  };
  try {
    return await work();
  } finally {
    process.exit = before;
  }
}
