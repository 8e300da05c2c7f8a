/**
 * A program for XLA: a module of StableHLO text for each entry, the states to begin with as a checkpoint, and a manifest.
 *
 *   manifest.json        entries with their arguments and results in order, the mesh, and which result is the new value of what
 *   train.mlir           a function @main; a state that changes is donated to its new value
 *   state.safetensors    a checkpoint of the program before its first step: ours go on from what the launcher writes, and the
 *                        other way round
 */
import { type Argument, hloModule, type Place } from "../../../codegen/stablehlo/module.ts";
import { type Division, type MeshAxis, shardy } from "../../../codegen/stablehlo/sharding.ts";
import { Names } from "../../../passes/lower/names.ts";
import { specializedEntry } from "../../compile.ts";
import { UserError } from "../../core/errors.ts";
import type { Program } from "../../dsl/program.ts";
import { type Dims, fixedShape } from "../../graph/shape.ts";

export interface StableHloOptions {
  /** A size for each symbolic dimension. */
  readonly dims?: Dims;
  /** By default all entries. */
  readonly entries?: readonly string[];
  /** Axes of devices. The first divides the axis of each input that `batch` is the dimension of. */
  readonly mesh?: readonly MeshAxis[];
  /** Which states are divided, and how; the last that fits a state counts. */
  readonly shards?: readonly Shard[];
}

/** States whose paths fit a pattern, in which * stands for anything. */
export interface Shard {
  readonly pattern: string;
  readonly division: Division;
}

export type Files = ReadonlyMap<string, string | Uint8Array>;

/** The name of the symbolic dimension that devices share. */
const sharedDimension = "batch";

/** The files; `checkpoint`: the program's states as they are before the first step. */
export function stableHloFolder(
  program: Program<unknown>,
  checkpoint: Uint8Array,
  options: StableHloOptions = {},
): Files {
  const { dims = {}, entries = [...program.entries.keys()], mesh = [], shards = [] } = options;
  const divisionOf = divisions(program, mesh, shards);
  const sharding = mesh.length === 0 ? undefined : shardy(mesh, divisionOf);
  const names = new Names();
  const files = new Map<string, string | Uint8Array>();
  const told = entries.map((name) => {
    const written = program.entries.get(name);
    if (written === undefined) throw new UserError(`there is no entry "${name}"`);
    const module = hloModule(specializedEntry(written, dims), sharding);
    const file = `${names.fresh(name)}.mlir`;
    files.set(file, module.text);
    const placeJson = (place: Argument): object => ({
      ...place,
      ...(sharding === undefined ? {} : { division: divisionOf(place) }),
    });
    return { name, file, arguments: module.arguments.map(placeJson), results: module.results.map(placeJson) };
  });
  files.set("state.safetensors", checkpoint);
  const manifest = {
    format: "tensorloom StableHLO",
    version: 1,
    dims,
    mesh,
    state: "state.safetensors",
    states: program.states.map(({ path, leaf }) => ({ name: path, dtype: leaf.dtype, shape: fixedShape(leaf.shape) })),
    entries: told,
  };
  files.set("manifest.json", `${JSON.stringify(manifest, null, 2)}\n`);
  return files;
}

function divisions(
  program: Program<unknown>,
  mesh: readonly MeshAxis[],
  shards: readonly Shard[],
): (place: Place) => Division {
  const [first] = mesh;
  const inputs = new Map(
    program.inputs.map(({ path, leaf }) => [
      path,
      leaf.shape.map((_, axis) => (axis === leaf.shape.indexOf(sharedDimension) ? (first?.name ?? null) : null)),
    ]),
  );
  const patterns = shards.map((shard) => ({ ...shard, expression: expressionOf(shard.pattern) }));
  const axes = new Set(mesh.map(({ name }) => name));
  for (const { pattern, division, expression } of patterns) {
    const unknown = division.find((axis) => axis !== null && !axes.has(axis));
    if (unknown !== undefined) throw new UserError(`--shard ${pattern}: the mesh has no axis "${unknown}"`);
    const twice = division.find((axis, i) => axis !== null && division.indexOf(axis) !== i);
    if (twice !== undefined)
      throw new UserError(`--shard ${pattern}: "${twice}" can divide one axis of a state, not two`);
    if (!program.states.some(({ path }) => expression.test(path))) {
      const paths = program.states.map(({ path }) => path).join(", ");
      throw new UserError(`--shard ${pattern}: no state has a name like that; there are ${paths}`);
    }
  }
  return ({ kind, name, shape }) => {
    if (kind === "input") return inputs.get(name) ?? [];
    if (kind === "output") return [];
    const found = patterns.findLast(({ expression }) => expression.test(name));
    if (found !== undefined && found.division.length !== shape.length) {
      throw new UserError(
        `--shard ${found.pattern}: ${name} has ${shape.length} axes, and ${found.division.length} are spoken of`,
      );
    }
    return found?.division ?? [];
  };
}

function expressionOf(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`);
}
