/** Freezes plain data all the way down and returns it. Functions are left as they are: they are the user's. */
export function freeze<T>(data: T): T {
  if (typeof data === "object" && data !== null && !Object.isFrozen(data)) {
    Object.freeze(data);
    for (const value of Object.values(data)) freeze(value);
  }
  return data;
}
