/**
 * `npm run bench:gpu`: tensorloom on the WebGPU adapter that Dawn finds, or the software one, beside jax-js and TensorFlow.js on the
 * same Dawn, PyTorch and JAX where Python has them, and kernels written by hand; in under three minutes.
 *
 *   npm run bench:gpu                          the table, and what each row asks of the device
 *   npm run bench:gpu -- --only sum,step       only rows whose titles contain one of these
 *   npm run bench:gpu -- --systems jax-js      only the systems whose names contain one of these
 *   npm run bench:gpu -- --seconds 60          in about so many seconds: fewer rounds, and the last rows may fall out
 *   npm run bench:gpu -- --software            the software adapter, though there is a card
 *   npm run bench:gpu -- --data DIR            the epoch on MNIST's own files
 *   npm run bench:gpu -- --json                one JSON object on stdout; all else goes to stderr
 *   npm run bench:gpu -- --against REV         this checkout against a commit of it, or the folder of another, in turns: new / old
 *   npm run bench:gpu -- --scale tiny          sizes that only show that everything runs: card, software or tiny
 */
import { parseArgs } from "node:util";
import { writeData, writeEpoch } from "./data.ts";
import { measureAgainst } from "./gpu/against.ts";
import { measureRows } from "./gpu/measure.ts";
import { rowTable, structureTable } from "./gpu/print.ts";
import { rowsAt, type Scale } from "./gpu/rows.ts";
import { adapterEnv, bundleGpu, gpuSystems } from "./gpu/systems.ts";
import { dataFolder } from "./systems.ts";

const { values: flags } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    systems: { type: "string", default: "" },
    seconds: { type: "string", default: "165" },
    software: { type: "boolean", default: false },
    data: { type: "string" },
    json: { type: "boolean", default: false },
    against: { type: "string" },
    scale: { type: "string" },
    pairs: { type: "string", default: "2" },
    rounds: { type: "string", default: "7" },
  },
});
const [seconds, pairs, rounds] = [Number(flags.seconds), Number(flags.pairs), Number(flags.rounds)];
const scales: readonly (string | undefined)[] = [undefined, "card", "software", "tiny"];
if (!(seconds > 0)) fail(`--seconds must be a number above 0, not ${flags.seconds}`);
if (!scales.includes(flags.scale)) fail(`--scale must be card, software or tiny, not ${flags.scale}`);

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

// By itself a signal ends a process without its "exit", at which the systems' processes are ended.
process.setMaxListeners(0); // one for each of them
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));

const say = (line: string): void => console.error(line);
const started = performance.now();
const deadline = started + seconds * 1e3;
const { env, about } = await adapterEnv(flags.software);
const scale = (flags.scale as Scale | undefined) ?? (about.isSoftware ? "software" : "card");
say(`on ${about.device}${about.isSoftware ? ", which is software: rows are smaller than on a card" : ""}`);
const isWanted = (title: string): boolean => flags.only.split(",").some((part) => title.includes(part));
const rows = rowsAt(scale).filter(({ title }) => isWanted(title));
if (rows.length === 0) fail(`--only: no row has ${flags.only} in its title`);
writeData(dataFolder);
const epochData = await writeEpoch(dataFolder, flags.data);

if (flags.against !== undefined) {
  const options = { env, pairs, rounds, say: (line: string) => console.log(line) };
  const isKept = await measureAgainst(flags.against, rows, options).catch((error: Error) => fail(error.message));
  process.exitCode = isKept ? 0 : 1;
} else {
  await bundleGpu();
  const chosen = gpuSystems(env).filter(
    ({ name, isOwn }) => isOwn === true || flags.systems.split(",").some((part) => name.includes(part)),
  );
  for (const { name, missing } of chosen) if (missing !== undefined) say(`missing: ${name}. To have it: ${missing}`);
  const systems = chosen.filter(({ missing }) => missing === undefined);
  const results = await measureRows(rows, systems, { about, deadline, say });
  const machine = {
    device: about.device,
    isSoftware: about.isSoftware,
    scale,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    seconds: Math.round((performance.now() - started) / 1e3),
    epochData,
    systems: results.systems,
    missing: chosen.flatMap(({ name, missing }) => (missing === undefined ? [] : [name])),
  };
  if (flags.json) console.log(JSON.stringify({ machine, rows: results.rows }));
  else {
    const head = `${machine.device}, Node ${machine.node}, ${machine.date}, ${machine.seconds} s`;
    console.log([head, rowTable(results), structureTable(results)].join("\n\n"));
  }
  for (const { title, failures } of results.rows) for (const failure of failures) say(`${title}: ${failure}`);
}
