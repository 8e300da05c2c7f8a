/**
 * `npm run bench:gpu-steps`: what a step costs on a GPU by the way in which it is called, in microseconds, on the adapter that there is.
 *
 *   npm run bench:gpu-steps                        this checkout
 *   npm run bench:gpu-steps -- --old ../old        and another one, in turns, with ratios new / old
 *   npm run bench:gpu-steps -- --software          on the software adapter of the tests
 *   npm run bench:gpu-steps -- --only "8-8-10" --rounds 5
 *
 * Each round is a fresh process for each side; what counts is the least of all rounds.
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { softwareVulkan } from "../../test/gpu/software.ts";

const { values: flags } = parseArgs({
  options: {
    old: { type: "string" },
    only: { type: "string", default: "" },
    rounds: { type: "string", default: "3" },
    software: { type: "boolean", default: false },
  },
});

const root = fileURLToPath(new URL("../..", import.meta.url));
const child = fileURLToPath(new URL("./steps-child.ts", import.meta.url));
const driver = flags.software ? await softwareVulkan() : null;
if (driver?.kind === "missing") throw new Error(driver.reason);

/** Microseconds of a step, by the row's name; the adapter's name with them. */
interface Found {
  readonly device: string;
  readonly rows: Readonly<Record<string, number>>;
}

function measure(checkout: string): Found {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", child, checkout, flags.only], {
    cwd: root,
    env: { ...process.env, ...(driver?.kind === "ready" ? driver.env : {}) },
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${checkout}: ${stderr}`);
  return JSON.parse(stdout) as Found;
}

const sides = [root, ...(flags.old === undefined ? [] : [resolve(flags.old)])];
const best = sides.map(() => new Map<string, number>());
let device = "";
for (let round = 0; round < Number(flags.rounds); round++) {
  for (const [side, checkout] of sides.entries()) {
    const found = measure(checkout);
    device = found.device;
    for (const [name, us] of Object.entries(found.rows)) {
      best[side]?.set(name, Math.min(us, best[side]?.get(name) ?? Infinity));
    }
  }
}
console.log(
  `us a step on ${device}, least of ${flags.rounds}${sides.length > 1 ? "; the other checkout; new / old" : ""}`,
);
for (const [name, us] of best[0] ?? []) {
  const old = best[1]?.get(name);
  const beside = old === undefined ? "" : `${old.toFixed(0).padStart(9)}${(us / old).toFixed(2).padStart(8)}`;
  console.log(`${name.padEnd(52)}${us.toFixed(0).padStart(9)}${beside}`);
}
