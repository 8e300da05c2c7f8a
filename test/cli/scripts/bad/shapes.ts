import { f32, matmul, program } from "tensorloom";

export default program({
  inputs: { a: f32(2, 3), b: f32(4, 5) as never },
  step: ({ a, b }) => ({ outputs: { c: matmul(a, b) } }),
});
