/**
 * Whether a review is friendly: words become rows of a table, which a GRU reads one after the other. Short reviews are filled up
 * with zeros, which the GRU passes over.
 *
 *   npx tsx src/tools/cli/main.ts run examples/sentiment.ts
 */
import { adam, dense, embedding, gru, rows, sequential, textVectorizer, trainer, trainTestSplit } from "tensorloom";

const things = ["plot", "music", "cast", "ending", "dialogue", "camera work", "first half", "director's cut"];
const good = ["great", "lovely", "moving", "clever", "funny", "a joy"];
const bad = ["boring", "awful", "flat", "clumsy", "silly", "a mess"];
const openings = ["", "Honestly, ", "We saw it twice: ", "After all the talk I must say that "];

/** Reviews like "The plot was boring, but the music was not bad at all": what is said last counts. */
function writeReviews(count: number) {
  let seed = 7;
  const pick = <T>(of: readonly T[]): T => {
    seed = (seed * 48271) % 2147483647;
    return of[seed % of.length] as T;
  };
  const clause = (isGood: boolean): string => {
    const isDenied = pick([true, false, false]);
    return `the ${pick(things)} was ${isDenied ? "not " : ""}${pick(isGood !== isDenied ? good : bad)}`;
  };
  return Array.from({ length: count }, () => {
    const isGood = pick([true, false]);
    const before = pick(["", `${clause(isGood)} and `, `${clause(!isGood)}, but `]);
    return { text: `${pick(openings)}${before}${clause(isGood)}.`, isGood };
  });
}

export async function main(): Promise<void> {
  const reviews = writeReviews(3000);
  const vectorizer = textVectorizer(reviews.map(({ text }) => text), { outputSequenceLength: 24 }); // biome-ignore format: one line
  const words = Int32Array.from(reviews.flatMap(({ text }) => [...vectorizer.encode(text)]));
  const labels = reviews.map(({ isGood }) => Number(isGood));
  const { train, test } = trainTestSplit({ x: rows(words, 24), y: labels }, { seed: 1 });

  const { size } = vectorizer.vocabulary;
  const net = trainer(
    sequential([embedding(size, 16, { maskZero: true }), gru(24), dense(1, { activation: "sigmoid" })]),
    { input: [24], loss: "binaryCrossentropy", metrics: ["accuracy"], optimizer: adam({ learningRate: 0.01 }) },
  ); // biome-ignore format: short
  await net.compile({ target: "wasm", threads: 1, seed: 1, batch: 64 });
  const { epochs } = await net.fit({ ...train, epochs: 6, validationSplit: 0.1 });
  for (const { epoch, accuracy, validation } of epochs)
    console.log(`Epoch ${epoch}: accuracy ${accuracy.toFixed(3)}, validation ${validation?.accuracy.toFixed(3)}`);
  const { accuracy } = await net.evaluate(test);
  console.log(`Test accuracy ${accuracy.toFixed(3)}, with ${size} words. How friendly it finds these:`);
  for (const text of [
    "The music was lovely",
    "The cast was great, but the plot was a mess",
    "The music was not lovely",
    "The plot was not boring and the ending was moving",
  ]) {
    const [friendly = 0] = await net.predict({ x: vectorizer.encode(text) });
    console.log(`  ${friendly.toFixed(2)}  ${text}.`);
  }
}
