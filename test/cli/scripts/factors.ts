/** U V updates U from V and V from U: one of them cannot change in place. Two entries, and names that need escaping. */
import { f32, grad, matmul, mean, mul, normal, param, program, sgd, sub } from "tensorloom";

const opt = sgd({ learningRate: 0.1 });
const model = { u: param(normal(0, 1, 6, 3)), 'v <"b&>': param(normal(0, 1, 3, 5)) };

export default program({
  inputs: { x: f32(6, 5) },
  state: { model, opt: opt.slots(model) },
  entries: {
    train({ x }, { model, opt: slots }) {
      const error = sub(matmul(model.u, model['v <"b&>']), x);
      const loss = mean(mul(error, error));
      return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
    },
    product: (_, { model }) => ({ outputs: { made: matmul(model.u, model['v <"b&>']) } }),
  },
});
