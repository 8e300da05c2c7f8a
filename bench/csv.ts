/**
 * `npm run bench:csv`: how fast a CSV of a million rows is read, by one core, and what memory the process takes for it.
 *
 *   npm run bench:csv                 14 numbers and a label a row: 120 MB
 *   npm run bench:csv -- --rows 10000
 *   npm run bench:csv -- --quoted     with a column of quoted texts
 */
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { parseArgs } from "node:util";
import { RandomStream } from "../src/core/random.ts";
import { csv } from "../src/data/sources/csv.ts";

const { values: flags } = parseArgs({
  options: { rows: { type: "string", default: "1000000" }, quoted: { type: "boolean", default: false } },
});
const rows = Number(flags.rows);
if (!Number.isSafeInteger(rows) || rows < 1) {
  console.error(`--rows must be a whole number from 1, not ${flags.rows}`);
  process.exit(2);
}
const width = 14;
const folder = mkdtempSync(join(tmpdir(), "tensorloom-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const path = join(folder, "rows.csv");

await write();
const bytes = statSync(path).size;
const before = process.memoryUsage().rss;
console.log(`${rows.toLocaleString("en-US")} rows of ${width} numbers${flags.quoted ? ", a quoted text" : ""} and a label, ${(bytes / 1e6).toFixed(0)} MB`); // biome-ignore format: long
for (let round = 1; round <= 3; round++) {
  const [started, used] = [performance.now(), process.cpuUsage()];
  let [count, sum] = [0, 0];
  const data = csv(path, { label: "label", features: Array.from({ length: width }, (_, i) => `c${i}`) });
  for await (const { x, y } of data.batch(1024)) {
    count += y.length;
    sum += x[0] ?? 0;
  }
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(used);
  if (count !== rows || !Number.isFinite(sum)) throw new Error(`${count} rows were read, and ${rows} written`);
  const memory = process.resourceUsage().maxRSS / 1024;
  console.log(
    `round ${round}: ${(bytes / 1e6 / seconds).toFixed(0)} MB/s (${(bytes / ((user + system) * 1e-6) / 1e6).toFixed(0)} MB a second of CPU), ` +
      `the process at most ${memory.toFixed(0)} MB (${(before / 2 ** 20).toFixed(0)} MB before)`,
  );
}

async function write(): Promise<void> {
  const random = new RandomStream(1, "csv");
  const out = createWriteStream(path);
  const names = Array.from({ length: width }, (_, i) => `c${i}`);
  out.write(`${names.join(",")}${flags.quoted ? ",text" : ""},label\n`);
  // A thousand lines in many orders: to make a million anew takes longer than to read them.
  const lines = Array.from({ length: 1000 }, () => {
    const numbers = names.map((_, i) => (i % 3 === 0 ? random.integer(100_000) : (10 * random.normal()).toFixed(6)));
    return `${numbers.join(",")}${flags.quoted ? ',"so, it goes"' : ""},${random.integer(10)}\n`;
  });
  for (let row = 0; row < rows; row += 1000) {
    const block = Array.from({ length: Math.min(1000, rows - row) }, () => lines[random.integer(1000)]).join("");
    if (!out.write(block)) await once(out, "drain");
  }
  out.end();
  await finished(out);
}
