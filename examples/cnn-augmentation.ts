/**
 * Shapes in any position, learnt from upright ones: images are turned and flipped at random inside the training step, each time
 * anew. The same network without that knows nothing of turned shapes.
 *
 *   npx tsx src/tools/cli/main.ts run examples/cnn-augmentation.ts
 */
import { activation, adam, batchNormalization, conv2d, dense, globalAveragePooling2d, type Layer, maxPooling2d, randomFlip, randomRotation, sequential, trainer } from "tensorloom"; // biome-ignore format: names

const size = 24;
/** Whether a point lies in a square, triangle, cross, bar or ring of radius 1 around (0, 0). */
function isInside(kind: number, x: number, y: number): boolean {
  if (kind === 0) return Math.max(Math.abs(x), Math.abs(y)) < 0.75;
  if (kind === 1) return y > -0.6 && y < 0.9 - 1.8 * Math.abs(x);
  if (kind === 2) return Math.min(Math.abs(x), Math.abs(y)) < 0.25 && Math.hypot(x, y) < 1;
  if (kind === 3) return Math.abs(x) < 0.3 && Math.abs(y) < 1;
  return Math.abs(Math.hypot(x, y) - 0.75) < 0.2;
}

/** `count` images [24, 24, 1] of shapes of different sizes and places, with some noise; turned by up to `turn`. */
function draw(count: number, turn: number, seed: number) {
  const random = (i: number): number => (((Math.sin(12.9898 * i + seed) * 43758.5453) % 1) + 1) % 1;
  const [images, labels] = [new Float32Array(count * size * size), new Uint8Array(count)];
  for (let image = 0; image < count; image++) {
    const [kind, angle, radius] = [image % 5, turn * random(4 * image), 6 + 4 * random(4 * image + 1)];
    const [left, top] = [12 + 4 * random(4 * image + 2) - 2, 12 + 4 * random(4 * image + 3) - 2];
    labels[image] = kind;
    for (let i = 0; i < size * size; i++) {
      const [dx, dy] = [((i % size) - left) / radius, (Math.floor(i / size) - top) / radius];
      const [x, y] = [Math.cos(angle) * dx + Math.sin(angle) * dy, Math.cos(angle) * dy - Math.sin(angle) * dx];
      images[image * size * size + i] = Number(isInside(kind, x, y)) + 0.3 * random(7 * i + image) - 0.15;
    }
  }
  return { x: images, y: labels };
}

const block = (filters: number) => [conv2d(filters, 3, { useBias: false }), batchNormalization({ momentum: 0.9 }), activation("relu"), maxPooling2d()]; // biome-ignore format: one line
const top = [conv2d(32, 3, { activation: "relu" }), globalAveragePooling2d(), dense(5, { activation: "softmax" })];
const options = { input: [size, size, 1], loss: "sparseCategoricalCrossentropy", metrics: ["accuracy"] } as const;
const network = (augmentation: readonly Layer[]) =>
  trainer(sequential([...augmentation, ...block(16), ...block(32), ...top]), { ...options, optimizer: adam({ learningRate: 0.01 }) }); // biome-ignore format: one line

export async function main(): Promise<void> {
  const [upright, turned] = [draw(500, 0, 1), draw(500, 2 * Math.PI, 2)];
  const augmentation = [randomFlip(), randomRotation(0.5, { fillMode: "nearest" })];
  for (const [name, net] of Object.entries({
    "As they are": network([]),
    "Turned and flipped": network(augmentation),
  })) {
    await net.compile({ target: "wasm", threads: 1, seed: 1, batch: 25 });
    const { epochs } = await net.fit({ ...upright, epochs: 15 });
    const { accuracy } = await net.evaluate(turned);
    const trained = epochs.at(-1)?.accuracy.toFixed(3);
    console.log(`${name}: accuracy ${trained} in training, ${accuracy.toFixed(3)} on turned shapes`);
  }
}
