// Figures as a line of blocks, the latest at the right. Pure.

const BLOCKS = "▁▂▃▄▅▆▇█";

/** As wide as `width`: of more figures than that the latest. What is not known is a space, and zero the lowest block. */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const shown = values.slice(-Math.max(0, width));
  const most = Math.max(0, ...shown.map((value) => value ?? 0));
  return shown
    .map((value) => {
      if (value === null) return " ";
      const at = most === 0 ? 0 : Math.ceil((value / most) * (BLOCKS.length - 1));
      return BLOCKS[Math.max(0, at)] ?? " ";
    })
    .join("")
    .padStart(width);
}
