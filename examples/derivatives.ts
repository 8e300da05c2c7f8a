/**
 * Derivatives, from a line to a training step: each as a user would ask for it.
 *
 *   npx tsx src/tools/cli/main.ts run examples/derivatives.ts
 *   npx tsx src/tools/cli/main.ts graph examples/derivatives.ts --stage gradient       the step of the last one
 */
import {
  adam,
  add,
  compile,
  evaluate,
  f32,
  formula,
  grad,
  gradientDistance,
  jacobian,
  matmul,
  mul,
  numericGradient,
  param,
  pow,
  program,
  reshape,
  sigmoid,
  sub,
  sum,
  type Tensor,
  zeros,
} from "tensorloom";

/** B1: y = 2x + 3, at a number and at a matrix. */
async function line(): Promise<void> {
  const y = <T extends Tensor>(x: T) => add(mul(x, 2), 3);
  const slope = await evaluate(({ x }) => grad(y(x), x), { x: 0 });
  const slopes = await evaluate(({ x }) => grad(sum(y(x)), x), { x: [[1, 2], [3, 4]] }); // biome-ignore format: rows
  show("B1", `d(2x + 3)/dx = ${slope} at x = 0; ${list(slopes)} at a 2 by 2 matrix`);
}

/** B2: partial derivatives of x²y + xy + 3y. */
async function partial(): Promise<void> {
  const at = await evaluate(({ x, y }) => grad(add(add(mul(mul(x, x), y), mul(x, y)), mul(y, 3)), { x, y }), {
    x: 2,
    y: 1,
  });
  show("B2", `x²y + xy + 3y at (2, 1): d/dx = ${at.x}, d/dy = ${at.y}`);
}

const layer = { x: [[1, 4, 3]], w: [[0.1, -0.2], [0.3, 0.4], [-0.5, 0.6]], b: [0.7, -0.8] } as const; // biome-ignore format: rows

/** B3: a linear layer. */
async function linear(): Promise<void> {
  const { w, b } = await evaluate(({ x, w, b }) => grad(sum(add(matmul(x, w), b)), { w, b }), layer);
  show("B3", `y = xW + b: gradient of sum(y) in W ${rows(w, 2)}, in b ${list(b)}`);
}

/** B4: a layer cubed, against differences of its own values. The six weights are one list here. */
async function cubed(): Promise<void> {
  const at = { x: layer.x, w: layer.w.flat(), b: layer.b };
  const cube = (x: Tensor, w: Tensor, b: Tensor) => sum(pow(add(matmul(x, reshape(w, [3, 2])), b), 3));
  const value = async (w: readonly number[], b: readonly number[]) =>
    (await evaluate(({ x, w, b }) => cube(x, w, b), { ...at, w, b }, { dtype: "f64" })) as number;
  const exact = await evaluate(({ x, w, b }) => grad(cube(x, w, b), { w, b }), at, { dtype: "f64" });
  const [dw, db] = [exact.w as Float64Array, exact.b as Float64Array];
  show("B4", `y = (xW + b)³: gradient of sum(y) in W ${rows(dw, 2)}, in b ${list(db)}`);
  const inW = gradientDistance(dw, await numericGradient((w) => value(w, at.b), at.w));
  const inB = gradientDistance(db, await numericGradient((b) => value(at.w, b), at.b));
  show("B4", `distance from finite differences below 1e-6: in W ${inW < 1e-6}, in b ${inB < 1e-6}`);
}

/** B5: every output by every input. */
async function allByAll(): Promise<void> {
  const y = (x: Tensor): Tensor => add(add(mul(mul(x, x), 3), mul(x, 2)), 3);
  const matrix = await evaluate(({ x }) => jacobian(y(x), x), { x: [[1], [3]] });
  show("B5", `Jacobian of 3x⊙x + 2x + 3 at [[1], [3]]: ${rows(matrix, 2)}`);
}

/** B6: derivatives to read. */
async function formulas(): Promise<void> {
  const w = f32();
  const [square, cube] = [2, 3].map((n) => formula(({ w }) => grad(pow(w, n), w), { w }));
  const [four, twelve] = [
    await evaluate(({ w }) => grad(pow(w, 2), w), { w: 2 }),
    await evaluate(({ w }) => grad(pow(w, 3), w), { w: 2 }),
  ];
  show("B6", `d(w²)/dw = ${square}, ${four} at w = 2; d(w³)/dw = ${cube}, ${twelve} at w = 2`);
}

/** B7: how far apart two gradients are. */
function distance(): void {
  const apart = gradientDistance([-1, -2, 3, 4, 5], [1, 2, 3, 4, 5]);
  show("B7", `distance of [-1, -2, 3, 4, 5] and [1, 2, 3, 4, 5]: ${apart.toFixed(8)}`);
}

/** B8: logistic regression on five samples at once, in float64. */
async function logistic(): Promise<void> {
  const row = (start: number): number[] => [11, 21, 31, 41, 51].map((value) => value + start);
  const found = await evaluate(
    ({ x, w, b, y }) => {
      const z = add(matmul(w, x), b);
      const a = sigmoid(z);
      return { z, a, dz: sub(a, y) };
    },
    { x: [row(0), row(1), row(2)], w: [[-1, 1, 1]], b: -25, y: [[0, 0, 1, 1, 1]] },
    { dtype: "f64" },
  );
  const digits = (values: number | ArrayLike<number>) => list(values, (value) => String(Number(value.toPrecision(8))));
  show("B8", `Z = ${list(found.z)}, A = ${digits(found.a)}, dz = ${digits(found.dz)}`);
}

const opt = adam({ learningRate: 0.1 });
const w = param(zeros());
const descent = program({
  state: { model: { w }, opt: opt.slots({ w }) },
  step(_, { model, opt: slots }) {
    const loss = add(sub(mul(model.w, model.w), mul(model.w, 10)), 25);
    return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
  },
});
export default descent;

/** B9: w² - 10w + 25 from w = 0 by Adam, the step compiled once. */
async function minimum(): Promise<void> {
  const step = await compile(descent, { target: "js" });
  const reached: string[] = [];
  for (let done = 1; done <= 577; done++) {
    step.step();
    if (![1, 65, 577].includes(done)) continue;
    const [value = 0] = await step.state.read("model.w");
    reached.push(`${value.toFixed(5)} after ${done}`);
  }
  show("B9", `w² - 10w + 25 by Adam: w = ${reached.join(", ")} steps`);
  step.dispose();
}

function show(name: string, text: string): void {
  console.log(`${name}  ${text}`);
}

function list(values: number | ArrayLike<number>, write = (value: number) => String(Number(value.toFixed(4)))): string {
  return `[${(typeof values === "number" ? [values] : Array.from(values)).map(write).join(", ")}]`;
}

function rows(values: number | ArrayLike<number>, width: number): string {
  const all = typeof values === "number" ? [values] : Array.from(values);
  const count = all.length / width;
  return `[${Array.from({ length: count }, (_, i) => list(all.slice(i * width, (i + 1) * width))).join(", ")}]`;
}

export async function main(): Promise<void> {
  await line();
  await partial();
  await linear();
  await cubed();
  await allByAll();
  await formulas();
  distance();
  await logistic();
  await minimum();
}
