/** A number of bytes for people: `512.0 MB`, in units of 1024 x 1024 as the settings have them. */
export function formatMemory(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
