/**
 * How progress is written: numbers for people, and a bar that fits the terminal it is drawn in.
 */
import { expect, test, vi } from "vitest";
import { median } from "../../src/core/median.ts";
import { dense, epochLine, formatDuration, formatRate, formatScores, sgd, trainer } from "../../src/index.ts";
import { formatScore, secondsLeft } from "../../src/nn/progress.ts";
import { terminalProgress } from "../../src/nn/terminal.ts";

test.each([
  [0, "0.00 s"],
  [0.4249, "0.42 s"],
  [9.996, "10.0 s"],
  [59.94, "59.9 s"],
  [59.96, "1 min 00 s"],
  [185, "3 min 05 s"],
  [3599.6, "1 h 00 min"],
  [7620, "2 h 07 min"],
])("%f seconds are %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});

test("scores keep four decimals, or powers of ten where those would hide them", () => {
  expect(formatScores({ loss: 0.10682, accuracy: 0.9687 })).toBe("loss 0.1068, accuracy 0.9687");
  expect([0, 0.00012345, 123456, Number.NaN, -0.5].map(formatScore)).toEqual([
    "0",
    "1.234e-4",
    "1.235e+5",
    "NaN",
    "-0.5000",
  ]);
  expect([formatRate(60_000, 21.4), formatRate(5, 2), formatRate(5, 0)]).toEqual([
    "2,804 samples/s",
    "2.5 samples/s",
    "0.0 samples/s",
  ]);
});

test("an epoch is one line, with validation where there is any", () => {
  const plan = { epoch: 2, epochs: 5, steps: 469, samples: 60_000 };
  const record = { epoch: 2, loss: 0.1068, accuracy: 0.9687, seconds: 21.4, samplesPerSecond: 2804, stepMs: 45 };
  expect(epochLine(record, plan)).toBe("Epoch 2/5: loss 0.1068, accuracy 0.9687 (21.4 s, 2,804 samples/s)");
  const checked = { ...record, validation: { loss: 0.09, accuracy: 0.97 } };
  expect(epochLine(checked, plan)).toContain("accuracy 0.9687, validation loss 0.0900, validation accuracy 0.9700 (");
});

test("the time left follows the pace", () => {
  const plan = { epoch: 1, epochs: 1, steps: 10, samples: 100, scores: { loss: 1 } };
  expect(secondsLeft({ ...plan, stepsDone: 2, samplesDone: 20, seconds: 3 })).toBe(12);
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBe(0);
});

test.each([40, 60, 80, 110, 200])("a bar fits %i columns, and leaves one line an epoch", (columns) => {
  const { stream, written } = fakeTerminal(columns);
  const progress = terminalProgress({ stream });
  const plan = { epoch: 1, epochs: 10, steps: 469, samples: 60_000 };
  const scores = { loss: 0.45331, accuracy: 0.87283 };
  progress.epochStart?.(plan);
  progress.update?.({ ...plan, stepsDone: 117, samplesDone: 14_976, scores, seconds: 4 });
  progress.epochEnd?.({ epoch: 1, ...scores, seconds: 20, samplesPerSecond: 3000, stepMs: 43 }, plan);
  progress.end?.(null);
  const text = written.join("");
  const drawn = text.split("\u001b").flatMap((part) => part.match(/Epoch 1\/10 \|.*\|.*/)?.[0] ?? []);
  expect(Math.max(...drawn.map((line) => line.length))).toBeLessThanOrEqual(columns);
  expect(drawn.some((line) => /\| +24% \| loss 0\.4533/.test(line)) || columns < 60).toBe(true);
  expect(text.endsWith("Epoch 1/10: loss 0.4533, accuracy 0.8728 (20.0 s, 3,000 samples/s)\n")).toBe(true);
  expect(text).toContain("\u001b[?25h"); // the cursor is back
});

test("an early end says where", () => {
  const { stream, written } = fakeTerminal(80);
  terminalProgress({ stream }).end?.({ epoch: 3, step: 17, by: "signal" });
  expect(written.join("")).toBe("Stopped as asked in epoch 3, after step 17. The weights are those of that step.\n");
});

/** What is written to standard output meanwhile. */
async function writtenBy(work: () => Promise<unknown>, isTTY: boolean): Promise<string> {
  const before = process.stdout.isTTY;
  const write = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  process.stdout.isTTY = isTTY;
  try {
    await work();
    return write.mock.calls.map(([text]) => text).join("");
  } finally {
    process.stdout.isTTY = before;
    write.mockRestore();
  }
}

test("verbose writes nothing, a bar, or lines, as Keras's does", async () => {
  const net = trainer(dense(1), { input: [1], loss: "mse", optimizer: sgd() });
  const samples = { x: [1, 2, 3], y: [1, 2, 3] };
  await net.compile({ target: "js", batch: 2 });
  const all = (verbose: 0 | 1 | 2) => async () => {
    await net.fit({ ...samples, epochs: 2, verbose });
    await net.evaluate({ ...samples, verbose });
    await net.predict({ x: samples.x, verbose });
  };
  expect(await writtenBy(all(0), true)).toBe("");
  const lines =
    /^(Epoch [12]\/2: loss [^\n]+ samples\/s\)\n){2}Evaluated 3 samples: loss \S+ \([^\n]+ samples\/s\)\nPredicted 3 samples \([^\n]+ samples\/s\)\n$/;
  expect(await writtenBy(all(2), true)).toMatch(lines);
  expect(await writtenBy(all(1), false)).toMatch(lines);
  const drawn = await writtenBy(all(1), true);
  expect(drawn).toMatch(/Epoch 1\/2 \|█+░*\| +\d+% \| loss/);
  expect(drawn).toMatch(/Evaluated \|█+░*\| \d samples/);
  expect(drawn.split("[?25h")).toHaveLength(5); // the cursor is back each time
  await expect(net.fit({ ...samples, verbose: 2, progress: { end() {} } })).rejects.toThrow(
    "give progress or verbose, not both",
  );
  await expect(net.fit({ ...samples, verbose: 3 as never })).rejects.toThrow(/verbose must be 0 \(silent\)/);
});

function fakeTerminal(columns: number) {
  const written: string[] = [];
  const write = (text: string): boolean => written.push(text) > 0;
  const none = (): boolean => true;
  const stream = { isTTY: true, columns, write, cursorTo: none, clearLine: none, moveCursor: none, on: none };
  return { stream: stream as unknown as NodeJS.WriteStream, written };
}
