/**
 * `npm run bench:passes`: how long each pass takes over the training step of a net of 50 layers of 64, in one process: the
 * first compilation, which runs code the engine has yet to compile, and the fastest of some more.
 */
import { compile, type Report } from "tensorloom";
import { table } from "./print.ts";
import { stepProgram } from "./programs.ts";

const [layers, width, batch, repetitions] = [50, 64, 32, 10];

async function compiled(target: "js" | "wasm"): Promise<Report> {
  const program = stepProgram("rmsprop", { inputs: width, hidden: Array.from({ length: layers - 1 }, () => width) });
  const executable = await compile(program, { target, threads: 1, dims: { batch } });
  const { report } = executable;
  executable.dispose();
  return report;
}

const passesOf = ({ entries }: Report): ReadonlyMap<string, number> =>
  new Map(entries.flatMap(({ passes }) => passes.map(({ name, ms }) => [name, ms] as const)));
const shown = (ms: number | undefined): string => (ms ?? Number.NaN).toFixed(2);

for (const target of ["js", "wasm"] as const) {
  const first = await compiled(target);
  const more: Report[] = [];
  for (let i = 0; i < repetitions; i++) more.push(await compiled(target));
  const fastest = (name: string): number => Math.min(...more.map((report) => passesOf(report).get(name) ?? Number.NaN));
  const body = [...passesOf(first)].map(([name, ms]) => [name, shown(ms), shown(fastest(name))]);
  const whole = Math.min(...more.map(({ compileMs }) => compileMs));
  console.log(table([`${target}, ms`, "first", "fastest"], [...body, ["all", shown(first.compileMs), shown(whole)]]));
}
