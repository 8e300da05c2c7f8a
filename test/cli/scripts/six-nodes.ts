import { add, f32, mean, mul, param, program, zeros } from "tensorloom";

export default program({
  inputs: { x: f32(4, 3) },
  state: { w: param(zeros(3)) },
  step: ({ x }, { w }) => ({ outputs: { y: mean(mul(add(mul(x, w), 1), x)) } }),
});
