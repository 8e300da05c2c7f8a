/**
 * What is asked of a program before anything of it is compiled.
 */
import { DeviceError, UserError } from "../core/errors.ts";
import { show } from "../core/options.ts";
import { atLine, here } from "../core/origin.ts";
import type { Precision } from "../core/precision.ts";
import { withBodies } from "../graph/body.ts";
import type { Entry } from "../graph/entry.ts";
import type { Node } from "../graph/node.ts";
import type { TargetTraits } from "../kernel/target.ts";

/** As far as it is looked at here. */
interface Entries {
  readonly entries: ReadonlyMap<string, Entry>;
}

/** `program` made it. */
export function checkProgram(call: string, given: Entries): void {
  if (typeof given === "object" && given !== null && given.entries instanceof Map) return;
  const hint = given instanceof Promise ? ": await it first" : "";
  throw new UserError(`${call} takes what program() made, not ${show(given)}${hint}${atLine(here(call))}`);
}

/** The target has the types of all of the program's numbers. */
export function checkDTypes(program: Entries, { hasF64, name }: TargetTraits): void {
  const node = hasF64 ? undefined : firstF64(program);
  if (node === undefined) return;
  throw new UserError(`the ${name} target has no f64: use f32, or the js target${atLine(node.origins[0])}`);
}

/** The target has what a program of this precision needs. */
export function checkPrecision(call: string, precision: Precision, { lacksMixed, name }: TargetTraits): void {
  if (precision === "f32" || lacksMixed === undefined) return;
  throw new DeviceError(`${call}: precision "mixed" does not run on this ${name} target: ${lacksMixed}`);
}

export function firstF64({ entries }: Entries): Node | undefined {
  for (const entry of entries.values()) {
    for (const { graph } of withBodies(entry)) {
      const found = graph.nodes.find(({ type }) => type.dtype === "f64");
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
