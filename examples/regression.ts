/**
 * Prices of houses from a CSV file: features are brought to mean 0 and variance 1, a fifth of the houses is kept for a test, and
 * training ends when the validation error has not become smaller for a while.
 *
 *   npx tsx src/tools/cli/main.ts run examples/regression.ts
 *   npx tsx src/tools/cli/main.ts run examples/regression.ts -- houses.csv        a file of yours, with a column "price"
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adam, dense, earlyStopping, normalizationOf, rows, sequential, trainer, trainTestSplit } from "tensorloom";
import { datasets } from "tensorloom/node";

/** 1,000 houses of which we know what the price is made of, but for a tenth. */
function writeHouses(): string {
  const random = (i: number): number => (((Math.sin(12.9898 * i) * 43758.5453) % 1) + 1) % 1;
  const lines = Array.from({ length: 1000 }, (_, i) => {
    const [area, age, distance, noise] = [40 + 200 * random(4 * i + 1), 100 * random(4 * i + 2), 30 * random(4 * i + 3), random(4 * i + 4)]; // biome-ignore format: one line
    const price = (50 + 3 * area) * Math.exp(-distance / 20) * (1 - age / 300) * (0.9 + 0.2 * noise);
    return [area.toFixed(0), age.toFixed(0), distance.toFixed(1), price.toFixed(1)].join(",");
  });
  const path = join(mkdtempSync(join(tmpdir(), "tensorloom-")), "houses.csv");
  writeFileSync(path, ["area,age,distance,price", ...lines].join("\n"));
  return path;
}

export async function main([path = writeHouses()]: readonly string[]): Promise<void> {
  const houses = await datasets.csv(path, { label: "price" }).toColumns();
  const { train, test } = trainTestSplit({ x: rows(houses.x, 3), y: houses.y }, { testSize: 0.2, seed: 1 });

  const net = trainer(
    sequential([
      normalizationOf(train.x),
      dense(64, { activation: "relu" }),
      dense(64, { activation: "relu" }),
      dense(1),
    ]),
    { input: [3], loss: "meanSquaredError", metrics: ["meanAbsoluteError"], optimizer: adam({ learningRate: 0.01 }) },
  );
  await net.compile({ target: "wasm", seed: 1, batch: 32 });
  const { epochs } = await net.fit({
    ...train,
    epochs: 300,
    validationSplit: 0.2,
    callbacks: [earlyStopping({ patience: 20, restoreBestWeights: true })],
  });
  const best = Math.min(...epochs.map(({ validation }) => validation?.meanAbsoluteError ?? Number.POSITIVE_INFINITY));
  console.log(`Stopped after ${epochs.length} epochs; the best one was ${best.toFixed(1)} off on validation data.`);

  const { meanAbsoluteError } = await net.evaluate(test);
  const usual = test.y.reduce((sum, price) => sum + price, 0) / test.y.length;
  const prices = await net.predict({ x: test.x });
  console.log(`Test: ${meanAbsoluteError.toFixed(1)} off, of ${usual.toFixed(0)}. The first five houses:`);
  for (let i = 0; i < 5; i++) console.log(`  ${prices[i]?.toFixed(0)}, it is ${test.y[i]?.toFixed(0)}`);
}
