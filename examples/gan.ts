/**
 * A small GAN: a generator learns to draw points that a critic cannot tell from those of eight clouds on a ring. Both learn in
 * one compiled step, each by an optimizer of its own.
 *
 *   npx tsx src/tools/cli/main.ts run examples/gan.ts
 */
import { adam, add, compile, concat, cos, dense, floor, full, grad, mean, mul, program, randomNormal, randomUniform, schedules, sequential, sigmoidCrossEntropy, sin } from "tensorloom"; // biome-ignore format: names

const [batch, noise, steps, deviation] = [128, 8, 2000, 0.05] as const;
const network = (outputs: number) =>
  sequential([dense(64, { activation: "relu" }), dense(64, { activation: "relu" }), dense(outputs)]);
const learningRate = schedules.cosineDecay({ initialLearningRate: 2e-3, decaySteps: steps });
const [generator, critic] = [network(2), network(1)];
const [teachGen, teachCritic] = [adam({ learningRate, beta1: 0.5 }), adam({ learningRate, beta1: 0.5 })];
const [gen, judge] = [generator.params([noise]), critic.params([2])];

/** Points of the eight clouds. */
function clouds() {
  const angle = mul(floor(mul(randomUniform([batch, 1]), 8)), Math.PI / 4);
  return add(concat([cos(angle), sin(angle)], 1), randomNormal([batch, 2], { deviation }));
}

const gan = program({
  state: { gen, judge, genSlots: teachGen.slots(gen), judgeSlots: teachCritic.slots(judge) },
  entries: {
    train(_, { gen, judge, genSlots, judgeSlots }) {
      const [yes, no] = [full([batch, 1], 1), full([batch, 1], 0)];
      const ofReal = critic.apply(judge, clouds());
      const ofDrawn = critic.apply(judge, generator.apply(gen, randomNormal([batch, noise])));
      const criticLoss = add(mean(sigmoidCrossEntropy(ofReal, yes)), mean(sigmoidCrossEntropy(ofDrawn, no)));
      const genLoss = mean(sigmoidCrossEntropy(ofDrawn, yes));
      const g = teachGen.update({ model: gen, slots: genSlots, gradients: grad(genLoss, gen) });
      const c = teachCritic.update({ model: judge, slots: judgeSlots, gradients: grad(criticLoss, judge) });
      const next = { gen: g.model, genSlots: g.opt, judge: c.model, judgeSlots: c.opt };
      return { outputs: { criticLoss, genLoss }, next };
    },
    draw: (_, { gen }) => ({ outputs: { points: generator.apply(gen, randomNormal([1024, noise])) } }),
  },
});
export default gan;

export async function main(): Promise<void> {
  const executable = await compile(gan, { target: "wasm", precise: true, threads: 1, seed: 1 });
  for (let done = 500; done <= steps; done += 500) {
    const { criticLoss, genLoss } = await executable.run({ entry: "train", steps: 500 });
    const { points } = await executable.run({ entry: "draw" });
    const hits = new Array<number>(8).fill(0);
    for (let i = 0; i < points.length; i += 2) {
      const [x = 0, y = 0] = points.subarray(i, i + 2);
      const cloud = (Math.round((Math.atan2(y, x) * 4) / Math.PI) + 8) % 8;
      const away = Math.hypot(x - Math.cos((cloud * Math.PI) / 4), y - Math.sin((cloud * Math.PI) / 4));
      if (away < 4 * deviation) hits[cloud] = (hits[cloud] ?? 0) + 1;
    }
    const losses = [criticLoss, genLoss].map((each) => each.at(-1)?.toFixed(2)).join(" and ");
    console.log(`step ${done}: losses ${losses}; of 1024 points there are in the clouds ${hits.join(" ")}`);
  }
  executable.dispose();
}
