import { concat, dense, model, sgd, trainer } from "tensorloom";

export default trainer(
  model({
    inputs: { point: [2], scale: [1] },
    layers: { trunk: dense(4, { activation: "relu" }), ring: dense(3), inside: dense(1) },
    call({ point, scale }, { trunk, ring, inside }) {
      const hidden = trunk(concat([point, scale], 1));
      return { ring: ring(hidden), inside: inside(hidden) };
    },
  }),
  {
    loss: { ring: "softmaxCrossEntropy", inside: "sigmoidCrossEntropy" },
    optimizer: sgd({ learningRate: 0.1 }),
  },
);
