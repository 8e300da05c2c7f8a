/**
 * The axis along which points lie: the eigenvector of their covariance with the largest eigenvalue, by power iteration. The loop is
 * one node of the graph and one loop of the compiled step, whatever its length; so is its gradient, the loop the other way round.
 *
 *   npx tsx src/tools/cli/main.ts run examples/eigenvector.ts
 */
import { compile, div, dot, f64, grad, l2Norm, matmul, mean, mul, powerIteration, program, sub, transpose } from "tensorloom"; // biome-ignore format: names

const [points, steps] = [500, 100] as const;

const axes = program({
  inputs: { x: f64(points, 2) },
  step: ({ x }) => {
    const centred = sub(x, mean(x, { axis: 0 }));
    const covariance = div(matmul(transpose(centred), centred), points);
    const { value, vector } = powerIteration(covariance, { steps });
    const rest = l2Norm(sub(dot(covariance, vector), mul(vector, value)));
    // By a symmetric matrix the gradient of its eigenvalue is the eigenvector times itself.
    return { outputs: { value, vector, rest, slope: grad(value, covariance) } };
  },
});
export default axes;

/** On an ellipse three times as long as it is wide, turned by 30 degrees about (5, -2). */
function ellipse(): Float64Array {
  const [cos, sin] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
  return Float64Array.from({ length: 2 * points }, (_, i) => {
    const angle = (2 * Math.PI * Math.floor(i / 2)) / points;
    const [long, short] = [3 * Math.cos(angle), Math.sin(angle)];
    return i % 2 === 0 ? 5 + cos * long - sin * short : -2 + sin * long + cos * short;
  });
}

export async function main(): Promise<void> {
  const executable = await compile(axes, { target: "js" });
  const { value, vector, rest, slope } = await executable.run({ entry: "step", feeds: { x: ellipse() } });
  const degrees = (Math.atan2(vector[1] ?? 0, vector[0] ?? 0) * 180) / Math.PI;
  console.log(`eigenvalue ${value.toFixed(6)}, at ${(((degrees % 180) + 180) % 180).toFixed(3)} degrees`);
  console.log(
    `what is wrong with it after ${steps} steps: ${rest < 1e-12 ? "less than 1e-12" : rest.toExponential(1)}`,
  );
  console.log(`its gradient by the matrix: ${[...slope].map((entry) => entry.toFixed(4)).join(", ")}`);
  executable.dispose();
}
