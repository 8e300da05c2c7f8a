/**
 * What labels may be: weights of exactly 0, numbers that are no class, numbers that do not count. The values are closed forms;
 * test/semantics-rows.ts has some of them on every target.
 */
import { describe, expect, test } from "vitest";
import { compile, dense, evaluate, f32, grad, i32, minimum, program, sequential, sgd, softmaxCrossEntropy, sum, type Tensor, trainer, u32 } from "../../src/index.ts"; // biome-ignore format: names

type Loose = (...operands: readonly unknown[]) => Tensor;
const [loss, by, total, atMost] = [softmaxCrossEntropy, grad, sum, minimum] as unknown as [Loose, Loose, Loose, Loose];
const list = (value: unknown): number[] => Array.from(value as ArrayLike<number>);
const forms = [{}, { probabilities: true }] as const;

describe("weights", () => {
  const at = { x: [1, 2, 3], y: [0, 0.5, 0.5] };
  const norm = Math.log(Math.exp(1) + Math.exp(2) + Math.exp(3));

  test("the slope by a label of 0 is minus log p, as by any other", async () => {
    const slopes = await evaluate(({ x, y }) => by(loss(x, y), y), at, { dtype: "f64" });
    list(slopes).forEach((slope, i) => {
      expect(slope).toBeCloseTo(norm - (i + 1), 12);
    });
    expect(list(slopes)[0]).toBeCloseTo(2.4076059644, 9);
  });

  test("with probabilities too", async () => {
    const given = { x: [0.1, 0.4, 0.5], y: [0, 0.5, 0.5] };
    const slopes = await evaluate(({ x, y }) => by(loss(x, y, { probabilities: true }), y), given, { dtype: "f64" });
    list(slopes).forEach((slope, i) => {
      expect(slope).toBeCloseTo(-Math.log(given.x[i] ?? 0), 12);
    });
  });

  test("a logit of -infinity at a class of weight 0 adds nothing, to the value and to the gradient", async () => {
    const masked = { x: [1, Number.NEGATIVE_INFINITY, 2], y: [0.25, 0, 0.75] };
    const found = await evaluate(
      ({ x, y }) => ({ value: loss(x, y), x: by(loss(x, y), x), y: by(loss(x, y), y) }),
      masked,
      { dtype: "f64" },
    );
    const share = Math.exp(1) / (Math.exp(1) + Math.exp(2));
    const wanted = [share - 0.25, 0, 1 - share - 0.75];
    expect(found.value).toBeCloseTo(-0.25 * Math.log(share) - 0.75 * Math.log(1 - share), 12);
    list(found.x).forEach((slope, i) => {
      expect(slope).toBeCloseTo(wanted[i] ?? Number.NaN, 12);
    });
    // an impossible class: minus log 0
    const slopes = list(found.y);
    expect(slopes[1]).toBe(Number.POSITIVE_INFINITY);
    expect(slopes[0]).toBeCloseTo(-Math.log(share), 12);
  });
});

/** Loss and gradient of rows of three with labels that the program has made, so that nobody can check them before. */
async function looked(labels: readonly number[], rows: readonly (readonly number[])[], options: object) {
  const made = program({
    inputs: { x: f32(rows.length, 3), y: i32(labels.length) },
    step({ x, y }) {
      const values = loss(x, atMost(y, 1000), options);
      return { outputs: { values, slopes: by(total(values), x) } };
    },
  });
  const executable = await compile(made, { target: "js" });
  const { values, slopes } = await executable.run({ entry: "step", feeds: { x: rows, y: labels } });
  executable.dispose();
  return { values: list(values), slopes: list(slopes) };
}

describe.each(forms)("class numbers, %o", (form) => {
  const row = [0.2, 0.3, 0.5];

  test("a number that is no class gives NaN and no gradient", async () => {
    const { values, slopes } = await looked([255, -1, 3, 2], [row, row, row, row], form);
    expect(values.slice(0, 3)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(values[3]).toBeGreaterThan(0);
    expect(slopes.slice(0, 9)).toEqual(Array.from({ length: 9 }, () => 0));
    expect(slopes[11]).toBeLessThan(0);
  });

  test("an ignored one gives 0 and no gradient, whatever the scores; others are as before", async () => {
    const rows = [row, [Number.NaN, 1, 1], row, row];
    const { values, slopes } = await looked([2, 255, 255, 7], rows, { ...form, ignore: 255 });
    const plain = await looked([2, 0, 0, 0], [row, row, row, row], form);
    expect(values).toEqual([plain.values[0], 0, 0, Number.NaN]);
    expect(slopes).toEqual([...plain.slopes.slice(0, 3), ...Array.from({ length: 9 }, () => 0)]);
  });

  test("a class may be the one that is ignored", async () => {
    const { values } = await looked([0, 1], [row, row], { ...form, ignore: 0 });
    expect(values[0]).toBe(0);
    expect(values[1]).toBeGreaterThan(0);
  });
});

describe("labels that are fed", () => {
  const run = async (labels: readonly number[], ...ignores: readonly (number | undefined)[]): Promise<number[]> => {
    const made = program({
      inputs: { x: f32(2, 3), y: i32(2) },
      step: ({ x, y }) => ({
        outputs: { values: ignores.map((ignore) => loss(x, y, ignore === undefined ? {} : { ignore })) },
      }),
    });
    const executable = await compile(made, { target: "js" });
    const feeds = { x: [0, 0, 0, 0, 0, 0], y: labels };
    const { values } = await executable.run({ entry: "step", feeds }).finally(() => executable.dispose());
    return values.flatMap(list);
  };

  test("are refused where they are no class, as before", async () => {
    await expect(run([0, 7], undefined)).rejects.toThrow(/"y" has 7 at position 1; labels go from 0 to 2\n/);
  });

  test("may be the ignored one, and nothing else", async () => {
    expect(await run([0, 255], 255)).toEqual([Math.fround(Math.log(3)), 0]);
    await expect(run([0, 7], 255)).rejects.toThrow(/labels go from 0 to 2, or are 255\n/);
  });

  test("that are used twice may be what both allow", async () => {
    expect(await run([255, 0], 255, 255)).toHaveLength(4);
    await expect(run([255, 0], 255, undefined)).rejects.toThrow(/"y" has 255 at position 0; labels go from 0 to 2\n/);
    await expect(run([255, 0], 255, 9)).rejects.toThrow(/"y" has 255/);
  });

  test("u32, without the ignored one", () => {
    const step = ({ x, y }: { x: Tensor; y: Tensor }) => ({ outputs: { a: loss(x, y, { ignore: -1 }) } });
    expect(() => program({ inputs: { x: f32(2, 3), y: u32(2) }, step: step as never })).toThrow(/-1 is no u32/);
  });

  test("in fit", async () => {
    const ignoring = (output: Tensor, target: Tensor): Tensor => loss(output, target, { ignore: 255 });
    const net = trainer(sequential([dense(3)]), {
      input: [2],
      loss: ignoring,
      optimizer: sgd(),
      target: i32("batch"),
    } as never);
    const options = { x: [1, 0, 0, 1, 1, 1], epochs: 1 };
    await net.fit({ ...options, y: [0, 255, 2] } as never);
    await expect(net.fit({ ...options, y: [0, 255, 7] } as never)).rejects.toThrow(
      /is 7: labels go from 0 to 2, or are 255/,
    );
    net.dispose();
  });
});

test("an ignored number is for class numbers, and whole", () => {
  const step = (options: object) => () =>
    program({ inputs: { x: f32(3), y: f32(3) }, step: ({ x, y }) => ({ outputs: { a: loss(x, y, options) } }) });
  expect(step({ ignore: 0 })).toThrow(/softmaxCrossEntropy: ignore is for class numbers; labels of f32 are a weight/);
  expect(step({ ignore: 1.5 })).toThrow(/ignore must be a whole number/);
});
