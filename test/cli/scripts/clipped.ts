/** Clipping by the global norm: the update needs the norm of all gradients, so they are stored first. */
import {
  add,
  div,
  f32,
  grad,
  matmul,
  maximum,
  mean,
  mul,
  normal,
  param,
  program,
  sgd,
  sqrt,
  sub,
  sum,
} from "tensorloom";

const opt = sgd({ learningRate: 0.1 });
const model = { u: param(normal(0, 1, 6, 3)), v: param(normal(0, 1, 3, 5)) };

export default program({
  inputs: { x: f32(6, 5) },
  state: { model, opt: opt.slots(model) },
  step({ x }, { model, opt: slots }) {
    const error = sub(matmul(model.u, model.v), x);
    const loss = mean(mul(error, error));
    const gradients = grad(loss, model);
    const norm = sqrt(add(sum(mul(gradients.u, gradients.u)), sum(mul(gradients.v, gradients.v))));
    const scale = div(1, maximum(norm, 1));
    const clipped = { u: mul(gradients.u, scale), v: mul(gradients.v, scale) };
    return { outputs: { loss }, next: opt.update({ model, slots, gradients: clipped }) };
  },
});
