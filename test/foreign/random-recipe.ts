/**
 * Random recipes: shapes of rank 0 to 6 with axes of 0, 1 and primes, broadcasting both ways, views of views, equal
 * expressions twice, indexes that repeat.
 */

import { RandomStream } from "../../src/core/random.ts";
import { InputSpec } from "../../src/dsl/spec.ts";
import { program, type Tensor } from "../../src/index.ts";
import { arithmetic } from "./draw-arithmetic.ts";
import { networks } from "./draw-networks.ts";
import { structure } from "./draw-structure.ts";
import type { Recipe } from "./recipe.ts";
import { type Draw, Weaver } from "./weaver.ts";

/** The recipes before this one have no instructions of networks: what was answered stays answered. */
export const firstNetwork = 2000;

/** The recipe number `index` of a campaign. */
export function randomRecipe(seed: number, index: number): Recipe {
  const w = new Weaver(new RandomStream(seed, `foreign ${index}`));
  const specs = w.inputs.map(
    ({ shape, whole }, i) => [`x${i}`, new InputSpec([...shape], whole ? "i32" : "f64")] as const,
  );
  // The shapes of values are known once their tensors are made, and tensors are made within a program.
  program({
    inputs: Object.fromEntries(specs),
    step: (given: Readonly<Record<string, Tensor>>) => {
      w.begin(specs.map(([name]) => given[name] as Tensor));
      weave(w, index < firstNetwork ? elementary : withNetworks);
      return { outputs: { y: w.tensors.at(-1) as Tensor } };
    },
  });
  // An instruction that has nothing to do (a sum over no axes) gives its operand back: a tensor that is there already.
  const between = w.values.filter(({ at, x }) => at >= w.inputs.length && w.tensors.indexOf(x) === at);
  return { inputs: w.inputs, instructions: w.instructions, by: w.pick(between).at };
}

const elementary: readonly Draw[] = [...arithmetic, ...structure];
const withNetworks: readonly Draw[] = [...networks, ...networks, ...elementary];

function weave(w: Weaver, draws: readonly Draw[]): void {
  const steps = 3 + w.random.integer(8);
  for (let tries = 0; w.instructions.length < steps && tries < 60; tries++) {
    const x = w.any();
    const drawn = x === null ? null : w.pick(draws)(w, x);
    if (drawn !== null) w.add(...drawn);
  }
  w.finish();
}
