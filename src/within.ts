// Waiting for what may never come.

/** What `work` comes to, or "late" where it takes longer than so many milliseconds; it goes on then, and may fail unheard. */
export async function within<T>(milliseconds: number, work: T | PromiseLike<T>): Promise<T | "late"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, milliseconds, "late");
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
