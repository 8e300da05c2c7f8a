/**
 * The command line of `tensorloom export`.
 *
 *   tensorloom export mnist.ts --format stablehlo --dims batch=128 -o mnist-xla
 *   tensorloom export mnist.ts --format stablehlo --dims batch=128 --mesh data=4,model=2 --shard "*dense1.kernel=_,model" -o mnist-xla
 *   tensorloom export mnist.ts --format onnx --dims batch=128 -o mnist-onnx
 *   tensorloom export mnist.ts --format onnx --entry predict --dims batch=1 --weights mnist.ckpt -o mnist-onnx
 */
import { readFile } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { MeshAxis } from "../../../codegen/stablehlo/sharding.ts";
import { messageOf, UserError } from "../../core/errors.ts";
import type { Dims } from "../../graph/shape.ts";
import { checkDims, chooseEntry, dimsHelp, parseDims, parseSeed } from "./choose.ts";
import { type Exported, loadExported } from "./load.ts";
import { onnxFolder } from "./onnx-folder.ts";
import { type Shard, stableHloFolder } from "./stablehlo-folder.ts";
import { startOf } from "./start-checkpoint.ts";
import { writeFiles } from "./write-files.ts";

interface ExportFlags {
  readonly format: "stablehlo" | "onnx";
  readonly output: string;
  readonly entry?: string;
  readonly dims?: Dims;
  readonly seed: number;
  readonly mesh?: readonly MeshAxis[];
  readonly shard?: readonly Shard[];
  /** A checkpoint, or whether those to begin with are meant. */
  readonly weights?: string | true;
}

export function addExportCommand(program: Command): void {
  program
    .command("export")
    .description(
      "write a script's program for another engine: StableHLO for XLA, which python -m tensorloom_xla runs, or ONNX models",
    )
    .argument("<script>", "exports a program or trainer as default; its main is not called")
    .addOption(new Option("--format <format>", "what to write").choices(["stablehlo", "onnx"]).default("stablehlo"))
    .requiredOption("-o, --output <folder>", "where to write the files; it is made if need be")
    .option("--entry <name>", "this entry alone (default: all)")
    .option("--dims <sizes>", dimsHelp, parseDims)
    .option("--seed <number>", "what weights and random numbers start from", parseSeed, 0)
    .option("--mesh <axes>", "devices, as data=8 or data=4,model=2; the first axis shares the batch", parseMesh)
    .option("--shard <state=axes>", 'how devices share a state: "*dense1.kernel=_,model"', parseShard)
    .option("--weights [checkpoint]", "ONNX: what entries only read is in their models (default: as it starts)")
    .action(async (script: string, flags: ExportFlags) => {
      checkFlags(flags);
      const { output, dims = {}, seed } = flags;
      const exported = await loadExported(script);
      checkDims(exported.program, dims, "all");
      const start = await startOf(exported, seed);
      const files =
        flags.format === "onnx" ? await onnxFiles(exported, start, flags) : xlaFiles(exported, start, flags);
      await writeFiles(output, files);
      process.stdout.write(`${output}: ${[...files.keys()].join(", ")}\n`);
    });
}

/** Flags that the format has no use for. */
function checkFlags({ format, mesh, shard, weights }: ExportFlags): void {
  if (format === "onnx" && (mesh !== undefined || shard !== undefined)) {
    throw new UserError("--mesh and --shard are for --format stablehlo: an ONNX model runs on one device");
  }
  if (format === "stablehlo" && weights !== undefined) {
    throw new UserError("--weights is for --format onnx: states of StableHLO lie in state.safetensors");
  }
}

function chosenEntries({ program }: Exported, { entry }: ExportFlags) {
  return entry === undefined ? {} : { entries: [chooseEntry(program, entry)] };
}

function xlaFiles(exported: Exported, start: Uint8Array, flags: ExportFlags) {
  const { dims = {}, mesh, shard } = flags;
  return stableHloFolder(exported.program, start, {
    dims,
    ...chosenEntries(exported, flags),
    ...(mesh === undefined ? {} : { mesh }),
    ...(shard === undefined ? {} : { shards: shard }),
  });
}

async function onnxFiles(exported: Exported, start: Uint8Array, flags: ExportFlags) {
  const { dims = {}, weights } = flags;
  return onnxFolder(exported.program, typeof weights === "string" ? await readBytes(weights) : start, {
    dims,
    ...chosenEntries(exported, flags),
    ...(weights === undefined ? {} : { baked: true }),
    checkpointName: typeof weights === "string" ? weights : "state.safetensors",
  });
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new UserError(`--weights ${path}: ${messageOf(error)}`);
  }
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
