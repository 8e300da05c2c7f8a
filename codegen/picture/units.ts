/**
 * Numbers for people: 262144 bytes are 256 KiB, 102760448 operations are 103 Mflop.
 */

export function bytesText(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB"]);
}

export function flopsText(flops: number): string {
  return scaled(flops, 1000, ["flop", "kflop", "Mflop", "Gflop", "Tflop"]);
}

/** Two digits are enough for a glance, and above them whole numbers: `toPrecision(2)` writes 99.6 as 1.0e+2. */
function scaled(value: number, base: number, units: readonly string[]): string {
  let size = value;
  let unit = 0;
  while (size >= base && unit < units.length - 1) {
    size /= base;
    unit += 1;
  }
  const text = Number.isInteger(size) ? String(size) : size >= 99.5 ? size.toFixed(0) : size.toPrecision(2);
  return `${text} ${units[unit] ?? ""}`;
}
