/** What `work` comes to; undefined where it throws: for what somebody else complains of, or nobody has to. */
export function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
