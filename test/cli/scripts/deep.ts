import {
  add,
  f32,
  glorotUniform,
  grad,
  i32,
  matmul,
  mean,
  param,
  program,
  sgd,
  softmaxCrossEntropy,
  tanh,
  zeros,
} from "tensorloom";

const opt = sgd({ learningRate: 0.1, momentum: 0.9 });
const layer = (inputs: number, outputs: number) => ({
  w: param(glorotUniform(inputs, outputs)),
  b: param(zeros(outputs)),
});
const model = { first: layer(20, 64), second: layer(64, 64), last: layer(64, 5) };

export default program({
  inputs: { x: f32("batch", 20), label: i32("batch") },
  state: { model, opt: opt.slots(model) },
  entries: {
    train({ x, label }, { model: { first, second, last }, opt: slots }) {
      const one = tanh(add(matmul(x, first.w), first.b));
      const two = tanh(add(matmul(one, second.w), second.b));
      const loss = mean(softmaxCrossEntropy(add(matmul(two, last.w), last.b), label));
      const parameters = { first, second, last };
      return { outputs: { loss }, next: opt.update({ model: parameters, slots, gradients: grad(loss, parameters) }) };
    },
  },
});
