/**
 * A variational autoencoder (Kingma and Welling 2014): digits become two numbers and are drawn from them again; the decoder then
 * draws what lies between the digits.
 *
 *   npx tsx src/tools/cli/main.ts run examples/autoencoder.ts -- 20        20 epochs
 */
import { adam, add, dense, exp, layer, mean, mul, randomNormal, sequential, slice, square, sub, sum, trainer } from "tensorloom"; // biome-ignore format: names
import { loadMnist, terminalProgress } from "tensorloom/node";

const latent = 2;
/** [mean, log variance] -> a draw from that normal distribution, whose distance from the standard one is added to the loss. */
const sampling = layer({
  name: "sampling",
  outputShape: () => [latent],
  apply(_, x, { training, addLoss }) {
    const [middle, logVariance] = [slice(x, null, [0, latent]), slice(x, null, [latent, 2 * latent])];
    const divergence = mul(sum(sub(add(exp(logVariance), square(middle)), add(logVariance, 1)), { axis: 1 }), 0.5);
    addLoss(mul(mean(divergence), 1 / 784)); // the other loss is a mean over pixels
    return training ? add(middle, mul(exp(mul(logVariance, 0.5)), randomNormal(["batch", latent]))) : middle;
  },
});
const encoder = sequential([dense(256, { activation: "relu" }), dense(2 * latent)], { name: "encoder" });
const decoder = sequential([dense(256, { activation: "relu" }), dense(784, { activation: "sigmoid" })], {
  name: "decoder",
});

const net = trainer(sequential([encoder, sampling, decoder]), {
  input: [784],
  loss: "sigmoidCrossEntropy",
  optimizer: adam(),
});
export default net;

/** Images side by side, a letter for each pixel of every other row. */
function show(images: ArrayLike<number>): void {
  const letter = (pixel = 0): string => " .:+#"[Math.min(4, Math.floor(5 * pixel))] ?? "";
  for (let row = 0; row < 28; row += 2) {
    const line = Array.from({ length: images.length / 28 }, (_, i) => letter(images[784 * Math.floor(i / 28) + 28 * row + (i % 28)])); // biome-ignore format: one line
    console.log(line.join("").trimEnd());
  }
}

export async function main([epochs = "10", images = "60000"]: readonly string[]): Promise<void> {
  const { train, test } = await loadMnist();
  const x = train.images.subarray(0, 784 * Number(images));
  await net.compile({ target: "wasm", seed: 1, batch: 128 });
  await net.fit({ x, y: x, epochs: Number(epochs), progress: terminalProgress() });
  const { loss } = await net.evaluate({ x: test.images, y: test.images });
  const digits = test.images.subarray(0, 4 * 784);
  console.log(`Test loss ${loss.toFixed(4)}. Four digits, and what is drawn of their two numbers:`);
  show(Array.from(digits, (pixel) => pixel / 255));
  show(await net.predict({ x: digits }));
  // The decoder alone: the same weights in a model of its own.
  const artist = trainer(decoder, { input: [latent], loss: "sigmoidCrossEntropy", optimizer: adam() });
  const names = (name: string): string | null => (name.startsWith("decoder.") ? name.slice(8) : null);
  await artist.loadWeights(await net.weights(), { names });
  console.log("From one end of the first number to the other:");
  show(await artist.predict({ x: [-1.5, 0, -0.5, 0, 0.5, 0, 1.5, 0] }));
}
