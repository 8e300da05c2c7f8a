/**
 * Two inputs and two outputs: a network that looks at a point and at a scale, and says in which ring the scaled point lies and
 * whether it is inside the unit circle. The outer ring is rare, so its samples count more; the last tenth is for validation;
 * the length of the gradient is watched; and the trained weights go into a second trainer that keeps the trunk as it is.
 *
 *   npx tsx examples/two-heads.ts
 */
import { adam, concat, dense, globalNorm, l2, model, trainer } from "tensorloom";

const count = 2000;
const point = Float32Array.from({ length: 2 * count }, (_, i) => Math.sin(i * i));
const scale = Float32Array.from({ length: count }, (_, i) => 0.5 + Math.abs(Math.cos(3 * i)));
const radii = Array.from(scale, (s, i) => s * Math.hypot(point[2 * i] ?? 0, point[2 * i + 1] ?? 0));
const ring = Int32Array.from(radii, (r) => Math.min(2, Math.floor(r / 0.8)));
const inside = Float32Array.from(radii, (r) => Number(r < 1));

const network = () =>
  model({
    inputs: { point: [2], scale: [1] },
    layers: {
      trunk: dense(32, { activation: "relu", kernelRegularizer: l2(1e-5) }),
      middle: dense(32, { activation: "relu" }),
      ring: dense(3, { activation: "softmax" }),
      inside: dense(1, { activation: "sigmoid" }),
    },
    call({ point, scale }, { trunk, middle, ring, inside }) {
      const hidden = middle(trunk(concat([point, scale], 1)));
      return { ring: ring(hidden), inside: inside(hidden) };
    },
  });

const options = {
  loss: { ring: "softmaxCrossEntropy", inside: "sigmoidCrossEntropy" },
  lossWeights: { inside: 0.5 },
  metrics: { ring: ["accuracy"], inside: ["binaryAccuracy"] },
} as const;

const net = trainer(network(), {
  ...options,
  optimizer: adam({ learningRate: 0.005 }),
  watch: { gradientNorm: ({ gradients }) => globalNorm(gradients) },
});
await net.compile({ target: "js", seed: 1, batch: 50 });

const data = { x: { point, scale }, y: { ring, inside } };
await net.fit({
  ...data,
  epochs: 15,
  validationSplit: 0.1,
  classWeight: { ring: { 2: 2 } },
  callbacks: [
    {
      onEpochEnd({ epoch, loss, ring_accuracy, validation }, { watched }) {
        if (epoch % 5 !== 0) return;
        const norm = Number(watched("gradientNorm"));
        console.log(
          `Epoch ${epoch}: loss ${loss.toFixed(3)}, ring_accuracy ${ring_accuracy.toFixed(3)}, ` +
            `validation ${validation?.ring_accuracy.toFixed(3)}, gradient ${norm.toFixed(2)}`,
        );
      },
    },
  ],
});

const scores = await net.evaluate(data);
console.log(
  `Trained: ring_accuracy ${scores.ring_accuracy.toFixed(3)}, inside ${scores.inside_binaryAccuracy.toFixed(3)}`,
);
const { ring: found } = await net.predict({ x: { point: [0.1, 0.1], scale: [1] } });
console.log(`The point (0.1, 0.1) lies in ring 0 with probability ${found[0]?.toFixed(2)}.`);

// The same weights in a trainer that trains the heads alone.
const heads = trainer(network(), { ...options, optimizer: adam(), trainable: ["ring", "inside"] });
await heads.compile({ target: "js", seed: 2, batch: 50 });
const states = await net.executable.state.snapshot();
heads.executable.state.restore(new Map([...states].filter(([name]) => name.startsWith("model."))));
await heads.fit({ ...data, epochs: 2 });
const trunk = await heads.executable.state.read("model.trunk.kernel");
const isSame = trunk.every((value, i) => value === states.get("model.trunk.kernel")?.[i]);
console.log(`After two more epochs of the heads the trunk is ${isSame ? "as it was" : "another"}.`);
