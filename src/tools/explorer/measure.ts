/**
 * What an entry's kernels take on this machine: the program is compiled for it, run on inputs that are all zero, and profiled. Most
 * kernels take as long for any numbers.
 */
import { compileOn } from "../../compile.ts";
import type { Program } from "../../dsl/program.ts";
import { splitPath } from "../../dsl/tree.ts";
import { bindDim, type Dims } from "../../graph/shape.ts";
import type { Feeds } from "../../runtime/feeds.ts";
import { arrayTypeOf } from "../../runtime/typed-arrays.ts";
import type { TargetSetup } from "../../target-setup.ts";
import type { Measured } from "./exploration.ts";

/** Whatever the entries give. */
type Outputs = Readonly<Record<string, unknown>>;

/** How long runs may take in all, about; and how many there are at least and at most. */
const most = { ms: 2_000, runs: 40 };
const least = 4;

export async function measure(
  program: Program<unknown>,
  setup: TargetSetup,
  { entry, dims }: { readonly entry: string; readonly dims: Dims },
): Promise<Measured> {
  // As it is explored: with the target's own schedules, not with what a tuner has kept.
  const executable = await compileOn<Outputs, unknown>(program as Program<Outputs>, setup, {
    dims,
    tune: false,
    onWarning: () => {},
  });
  try {
    const feeds = zeros(program, dims);
    await executable.run({ entry, feeds });
    const started = performance.now();
    await executable.run({ entry, feeds });
    const once = performance.now() - started;
    const steps = Math.round(Math.min(most.runs, Math.max(least, most.ms / Math.max(0.01, once))));
    const passedOver = Math.floor(steps / 3); // in which the engine optimizes what it sees often
    const profile = await executable.profile(() => executable.run({ entry, feeds, steps }), {
      steps: [passedOver, steps],
    });
    const found = profile.entries.find((one) => one.entry === entry);
    const kernels = (found?.kernels ?? []).flatMap(({ steps: ids, ms, ofCeiling }) => {
      if (ms === null || found === undefined) return [];
      const us = (1000 * ms) / Math.max(1, found.runs);
      const floorUs = ofCeiling === null ? null : us * ofCeiling;
      return ids.map((step) => ({ step, us, floorUs, together: ids.length }));
    });
    return { device: profile.device, kernels };
  } finally {
    executable.dispose();
  }
}

/** Inputs of the program, all zero, as the tree that a call takes. */
function zeros({ inputs }: Program<unknown>, dims: Dims): Feeds {
  const feeds: { [name: string]: Feeds | Feeds[string] } = {};
  for (const { path, leaf } of inputs) {
    const count = leaf.shape.reduce((product: number, dim) => product * bindDim(dim, dims), 1);
    const parts = splitPath(path);
    let at = feeds;
    for (const part of parts.slice(0, -1)) {
      const inner = (at[part] ?? {}) as typeof feeds;
      at[part] = inner;
      at = inner;
    }
    at[parts.at(-1) ?? ""] = new (arrayTypeOf(leaf.dtype))(count);
  }
  return feeds;
}
