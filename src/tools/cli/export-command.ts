/**
 * The command line of `tensorloom export`.
 *
 *   tensorloom export mnist.ts --format stablehlo --dims batch=128 -o mnist-xla
 *   tensorloom export mnist.ts --format stablehlo --dims batch=128 --mesh data=4,model=2 --shard "*dense1.kernel=_,model" -o mnist-xla
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { MeshAxis } from "../../../codegen/stablehlo/sharding.ts";
import type { Dims } from "../../graph/shape.ts";
import { checkDims, chooseEntry, dimsHelp, parseDims } from "./choose.ts";
import { loadExported } from "./load.ts";
import { type Shard, stableHloFolder } from "./stablehlo-folder.ts";
import { startOf } from "./start-checkpoint.ts";
import { writeFiles } from "./write-files.ts";

interface ExportFlags {
  readonly format: "stablehlo";
  readonly output: string;
  readonly entry?: string;
  readonly dims?: Dims;
  readonly seed: number;
  readonly mesh?: readonly MeshAxis[];
  readonly shard?: readonly Shard[];
}

export function addExportCommand(program: Command): void {
  program
    .command("export")
    .description("write a script's program for another engine: StableHLO for XLA, which python -m tensorloom_xla runs")
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(new Option("--format <format>", "what to write").choices(["stablehlo"]).default("stablehlo"))
    .requiredOption("-o, --output <folder>", "where to write the files; it is made if need be")
    .option("--entry <name>", "this entry alone (default: all)")
    .option("--dims <sizes>", dimsHelp, parseDims)
    .option("--seed <number>", "what weights and random numbers start from", parseSeed, 0)
    .option("--mesh <axes>", "devices, as data=8 or data=4,model=2; the first axis shares the batch", parseMesh)
    .option("--shard <state=axes>", 'how devices share a state: "*dense1.kernel=_,model"', parseShard)
    .action(async (script: string, flags: ExportFlags) => {
      const { output, entry, dims = {}, seed, mesh, shard } = flags;
      const exported = await loadExported(script);
      checkDims(exported.program, dims, "all");
      const files = stableHloFolder(exported.program, await startOf(exported, seed), {
        dims,
        ...(entry === undefined ? {} : { entries: [chooseEntry(exported.program, entry)] }),
        ...(mesh === undefined ? {} : { mesh }),
        ...(shard === undefined ? {} : { shards: shard }),
      });
      await writeFiles(output, files);
      process.stdout.write(`${output}: ${[...files.keys()].join(", ")}\n`);
    });
}

function parseSeed(text: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(seed))
    throw new InvalidArgumentError("It is a whole number from 0.");
  return seed;
}

function parseMesh(text: string): readonly MeshAxis[] {
  const axes = text.split(",").map((part) => {
    const [, name = "", size] = /^\s*([A-Za-z_]\w*)\s*=\s*(\d+)\s*$/.exec(part) ?? [];
    if (name === "" || Number(size) < 1)
      throw new InvalidArgumentError(`"${part}" is no axis: write name=number, as data=8.`);
    return { name, size: Number(size) };
  });
  if (new Set(axes.map(({ name }) => name)).size < axes.length)
    throw new InvalidArgumentError("An axis is given twice.");
  return axes;
}

/** Parses one --shard; it may be given several times. */
function parseShard(text: string, before: readonly Shard[] = []): readonly Shard[] {
  const at = text.lastIndexOf("=");
  const axes = text
    .slice(at + 1)
    .split(",")
    .map((axis) => axis.trim());
  if (at < 1 || axes.some((axis) => !/^\w+$/.test(axis))) {
    throw new InvalidArgumentError(
      'Write state=axes, an axis of the mesh or _ for each axis of the state: "*dense1.kernel=_,model".',
    );
  }
  return [...before, { pattern: text.slice(0, at), division: axes.map((axis) => (axis === "_" ? null : axis)) }];
}
