/**
 * What the compiler does: a program of six nodes, printed at every stage on its way to JavaScript.
 *
 *   npx tsx src/tools/cli/main.ts run examples/inspect.ts
 *   npx tsx src/tools/cli/main.ts graph examples/inspect.ts -o energy.svg
 */
import { f32, grad, inspect, mul, ones, param, program, square, sum } from "tensorloom";

const energy = program({
  inputs: { x: f32(4) },
  state: { w: param(ones(4)) },
  step({ x }, { w }) {
    const loss = sum(square(mul(x, w)));
    return { outputs: { loss, slope: grad(loss, w) } };
  },
});
export default energy;

export function main(): void {
  for (const { name, text } of inspect(energy)) console.log(`==== ${name}\n\n${text}\n`);
}
