import { add, f32, glorotUniform, grad, i32, matmul, mean, param, program, sgd, softmaxCrossEntropy, tanh, zeros, type Tensor } from "tensorloom";
const N = Number(process.env.N ?? 40);
const opt = sgd({ learningRate: 0.1, momentum: 0.9 });
const model = Array.from({ length: N }, () => ({ w: param(glorotUniform(8, 8)), b: param(zeros(8)) }));
export default program({
  inputs: { x: f32("batch", 8), label: i32("batch") },
  state: { model, opt: opt.slots(model) },
  entries: {
    train({ x, label }, { model, opt: slots }) {
      let h: any = x;
      for (const l of model) h = tanh(add(matmul(h, l.w), l.b));
      const loss = mean(softmaxCrossEntropy(h, label));
      return { outputs: { loss }, next: opt.update({ model, slots, gradients: grad(loss, model) }) };
    },
  },
});
