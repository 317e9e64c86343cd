// Waiting for what may never come.

/** In milliseconds; what is longer fires at once: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
export const LONGEST_TIMER = 2 ** 31 - 1;

/** What `work` comes to, or "late" where it takes longer than so many milliseconds; it goes on then, and may fail unheard. */
export function within<T>(milliseconds: number, work: T | PromiseLike<T>): Promise<T | "late"> {
  return withinEach(milliseconds, () => work);
}

/** As `within`, for work in stages: each may take so long, and begins with a call of `next`, the first by itself. */
export async function withinEach<T>(
  milliseconds: number,
  work: (next: () => void) => T | PromiseLike<T>,
): Promise<T | "late"> {
  let timer: NodeJS.Timeout | undefined;
  let next = (): void => undefined;
  const late = new Promise<"late">((resolve) => {
    next = () => {
      clearTimeout(timer);
      timer = setTimeout(resolve, milliseconds, "late");
    };
  });
  next();
  try {
    return await Promise.race([work(() => next()), late]);
  } finally {
    clearTimeout(timer);
    next = () => undefined;
  }
}
