/**
 * Loops and branches in the graph: what they mean, by the oracle and closed forms; how functions become bodies; what is refused.
 */
import { expect, test } from "vitest";
import { lowerBranches } from "../../passes/graph/lower-branches.ts";
import { specialize } from "../../passes/graph/specialize.ts";
import { cond, scan, whileLoop } from "../../src/dsl/loops.ts";
import * as tl from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32 } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import { type Body, bodiesOf } from "../../src/graph/body.ts";
import { checkGraph } from "../../src/graph/check.ts";
import { neededNodes, resultNodes } from "../../src/graph/entry.ts";
import { evaluateGraph } from "../../src/graph/evaluate.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import { printEntry } from "../../src/graph/print.ts";
import { type FlatFeeds, ProgramOracle } from "../program-oracle.ts";

type Inputs = Readonly<Record<string, Tensor>>;

const shapes = { x: f32("time", 2), h: f32(2), a: f32(), b: f32() };

/** Entry of a function of x [time, 2], h [2] and two scalars. */
function entryOf(step: (given: Inputs) => unknown) {
  const made = program({ inputs: shapes, step: (given) => ({ outputs: step(given as unknown as Inputs) }) });
  const entry = made.entries.get("step");
  if (entry === undefined) throw new Error("no entry");
  expect(checkGraph(entry.graph)).toBeNull();
  return { made, entry };
}

/** What the oracle makes of it. */
function evaluated(step: (given: Inputs) => unknown, feeds: FlatFeeds): Readonly<Record<string, readonly number[]>> {
  const { made } = entryOf(step);
  const time = Array.isArray(feeds.x) ? feeds.x.length / 2 : 0;
  const found = new ProgramOracle(made, { dims: { time } }).run("step", { h: [0, 0], a: 0, b: 0, x: [], ...feeds });
  return Object.fromEntries([...found].map(([name, data]) => [name, [...data]]));
}

const sums = ({ x, h }: Inputs) =>
  scan((sum: Tensor, row: Tensor) => ({ carry: tl.add(sum, row) as Tensor, output: sum }), h as Tensor, x as Tensor);

test("scan carries over rows and stacks what it gives, forwards and backwards, over no rows too", () => {
  const feeds = { x: [1, 2, 3, 4, 5, 6], h: [10, 20] };
  expect(evaluated(sums, feeds)).toEqual({ carry: [19, 32], outputs: [10, 20, 11, 22, 14, 26] });
  const back = ({ x, h }: Inputs) =>
    scan((c: Tensor, row: Tensor) => ({ carry: tl.add(c, row) as Tensor, output: c }), h as Tensor, x as Tensor, {
      reverse: true,
    });
  expect(evaluated(back, feeds)).toEqual({ carry: [19, 32], outputs: [18, 30, 15, 26, 10, 20] });
  expect(evaluated(sums, { x: [], h: [10, 20] })).toEqual({ carry: [10, 20], outputs: [] });
});

test("trees of carries, rows and outputs; nothing but a carry; nothing but outputs; a length alone", () => {
  const step = ({ x, a }: Inputs) => {
    const fibonacci = scan(
      ({ last, before }: { last: Tensor; before: Tensor }) => ({
        carry: { last: tl.add(last, before) as Tensor, before: last },
      }),
      { last: tl.scalar(1) as Tensor, before: tl.scalar(0) as Tensor },
      {},
      { length: 10 },
    );
    const mapped = scan(
      (_, { row, same: [again] }: { row: Tensor; same: readonly [Tensor] }) => ({
        carry: {},
        output: [tl.mul(row, a as Tensor), tl.sum(again)],
      }),
      {},
      { row: x as Tensor, same: [x as Tensor] as const },
    );
    return { fibonacci, mapped };
  };
  const found = evaluated(step, { x: [1, 2, 3, 4], a: 3 });
  expect(found).toEqual({
    "fibonacci.carry.last": [89],
    "fibonacci.carry.before": [55],
    "mapped.outputs.0": [3, 6, 9, 12],
    "mapped.outputs.1": [3, 7],
  });
});

test("whileLoop runs as long as its condition holds, and no longer than it may", () => {
  const grown =
    (most: number) =>
    ({ a, b }: Inputs) => ({
      y: whileLoop(
        (c: Tensor) => tl.less(c, b as Tensor) as Tensor<[], "bool">,
        (c) => tl.mul(c, 2) as Tensor,
        a as Tensor,
        { most },
      ),
    });
  expect(evaluated(grown(100), { a: 3, b: 100 })).toEqual({ y: [192 / 2 + 96] });
  expect(evaluated(grown(100), { a: 3, b: 1 })).toEqual({ y: [3] });
  expect(evaluated(grown(2), { a: 3, b: 100 })).toEqual({ y: [12] });
  expect(evaluated(grown(0), { a: 3, b: 100 })).toEqual({ y: [3] });
});

test("cond gives what one branch makes", () => {
  const step = ({ a, b, x }: Inputs) =>
    cond(
      tl.greater(a as Tensor, 0) as Tensor<[], "bool">,
      ({ z }) => ({ left: tl.mul(z, b as Tensor) as Tensor, right: z }),
      ({ z }) => ({ left: tl.neg(z) as Tensor, right: tl.mul(z, 0) as Tensor }),
      { z: x as Tensor },
    );
  expect(evaluated(step, { x: [1, 2], a: 1, b: 5 })).toEqual({ left: [5, 10], right: [1, 2] });
  expect(evaluated(step, { x: [1, 2], a: -1, b: 5 })).toEqual({ left: [-1, -2], right: [0, 0] });
});

test("loops nest; what a body reads from two levels up is handed down, and what is made of that alone is made out there", () => {
  const step = ({ x, h, a }: Inputs) =>
    scan(
      (c: Tensor, row: Tensor) => {
        const inner = scan(
          (d: Tensor, element: Tensor) => ({
            carry: tl.add(tl.mul(d, tl.exp(a as Tensor)), tl.add(element, tl.sum(c))) as Tensor,
          }),
          tl.scalar(0) as Tensor,
          row,
        );
        return { carry: tl.add(c, inner.carry) as Tensor, output: inner.carry };
      },
      h as Tensor,
      x as Tensor,
    );
  const [x, h] = [
    [1, 2, 3, 4],
    [0.5, 0.25],
  ];
  const wanted: number[] = [];
  let c = h;
  for (const t of [0, 1]) {
    const total = (c[0] ?? 0) + (c[1] ?? 0);
    let d = 0;
    for (const k of [0, 1]) d = d * Math.E + (x[2 * t + k] ?? 0) + total;
    c = c.map((v) => v + d);
    wanted.push(d);
  }
  const found = evaluated(step, { x, h, a: 1 });
  wanted.forEach((value, i) => {
    expect(found.outputs?.[i]).toBeCloseTo(value, 6);
  });
  const { entry } = entryOf(step);
  const outer = entry.graph.nodes.flatMap((node) => (node.result === 0 ? bodiesOf(node) : []))[0]?.[1] as Body;
  expect(entry.graph.nodes.some(({ op }) => op.name === "exp")).toBe(true);
  expect(outer.text).not.toContain("exp");
  expect(outer.text).toContain("scan");
});

test("a loop of nothing but constants is closed itself, also where it meets a tensor within", () => {
  const twice = scan(
    (c: Tensor) => ({ carry: tl.mul(c, 2) as Tensor }),
    tl.scalar(1) as Tensor,
    {},
    { length: 5 },
  ).carry;
  expect(evaluated(({ a }) => ({ y: tl.add(twice, a as Tensor) }), { a: 1 })).toEqual({ y: [33] });
  const met = ({ a, x }: Inputs) => ({
    y: scan(
      (c: Tensor) => ({
        carry: scan(
          (d: Tensor, row: Tensor) => ({ carry: tl.add(tl.add(d, tl.sum(row)), a as Tensor) as Tensor }),
          c,
          x as Tensor,
        ).carry,
      }),
      tl.scalar(0) as Tensor,
      {},
      { length: 2 },
    ).carry,
  });
  expect(evaluated(met, { a: 1, x: [1, 2, 3, 4] })).toEqual({ y: [24] });
});

test("each row draws its own random numbers, each branch what it draws", () => {
  const step = ({ x }: Inputs) =>
    scan(
      (c: Tensor, _: Tensor) => ({ carry: c, output: tl.randomUniform([2]) as Tensor }),
      tl.scalar(0) as Tensor,
      x as Tensor,
    );
  const { outputs } = evaluated(step, { x: [1, 2, 3, 4, 5, 6] });
  expect(new Set(outputs).size).toBe(6);
  const forked = ({ a, h }: Inputs) => ({
    y: cond(
      tl.greater(a as Tensor, 0) as Tensor<[], "bool">,
      (z) => tl.add(z, tl.randomUniform([2])) as Tensor,
      (z) => z,
      h as Tensor,
    ),
  });
  const [first = 2, second = 2] = evaluated(forked, { a: 1 }).y ?? [];
  expect(first === second || Math.max(first, second) >= 1).toBe(false);
});

test("equal bodies are one, others are not", () => {
  const { entry } = entryOf((given) => ({ one: sums(given), two: sums(given) }));
  expect(entry.graph.nodes.filter(({ op }) => op.name === "scan")).toHaveLength(2);
  const other = entryOf((given) => ({
    one: sums(given),
    two: scan(
      (sum: Tensor, row: Tensor) => ({ carry: tl.sub(sum, row) as Tensor, output: sum }),
      given.h as Tensor,
      given.x as Tensor,
    ),
  }));
  expect(other.entry.graph.nodes.filter(({ op }) => op.name === "scan")).toHaveLength(4);
});

test("a body is printed below its loop", () => {
  const text = printEntry(entryOf(sums).entry);
  expect(text).toContain(
    "%2: f32[2], %3: f32[time,2] = scan %1 %0 length=time carries=1 slices=1 reverse=false\n  body\n    entry scan\n",
  );
  expect(text).toContain("    next 0 = %2\n");
});

test("the checker looks into bodies", () => {
  const { entry } = entryOf(sums);
  const [found] = entry.graph.nodes.flatMap(bodiesOf);
  const nodes = (found?.[1].entry.graph.nodes ?? []) as unknown as { id: number }[];
  for (const node of nodes.slice(-1)) node.id += 1;
  expect(checkGraph(entry.graph)).toMatch(/ids count the nodes: .* in the body of %\d+ scan/);
});

test.each<[RegExp, (given: Inputs) => unknown]>([
  [
    /scan: the carry "s" changes from f32\[2\] to f32\[1,2\][\s\S]*loop-graph.test.ts/,
    ({ h, x }) =>
      scan(
        (c: { s: Tensor }) => ({ carry: { s: tl.reshape(c.s, [1, 2]) as Tensor } }),
        { s: h as Tensor },
        x as Tensor,
      ),
  ],
  [
    /scan: the function is given "s" to carry, and gives "z"/,
    ({ h, x }) => scan((c: { s: Tensor }) => ({ carry: { z: c.s } as never }), { s: h as Tensor }, x as Tensor),
  ],
  [
    /scan: f must return \{ carry, output \}, not a Tensor/,
    ({ h, x }) => scan(((c: Tensor) => c) as never, h as Tensor, x as Tensor),
  ],
  [
    /scan: f gave a promise/,
    ({ h, x }) => scan((async (c: Tensor) => ({ carry: c })) as never, h as Tensor, x as Tensor),
  ],
  [
    /scan: \[2\] has 2 rows, and there are to be time/,
    ({ h, x }) => scan((c: Tensor) => ({ carry: c }), h as Tensor, [x, h] as Tensor[]),
  ],
  [/scan: xs has a tensor without axes/, ({ h, a }) => scan((c: Tensor) => ({ carry: c }), h as Tensor, a as Tensor)],
  [/scan: xs has no tensor: say how many iterations/, ({ h }) => scan((c: Tensor) => ({ carry: c }), h as Tensor, {})],
  [/scan: f gives no tensor to carry or to stack/, ({ x }) => scan(() => ({ carry: {} }), {}, x as Tensor)],
  [
    /whileLoop.*the condition must give a bool without axes, not bool\[2\]/,
    ({ h }) =>
      whileLoop(
        (c: Tensor) => tl.greater(c, 0) as never,
        (c) => c,
        h as Tensor,
        { most: 9 },
      ),
  ],
  [
    /whileLoop: say how many iterations there may be.*: \{ most: 1000 \}\n.*loop-graph.test.ts/,
    ({ a }) =>
      whileLoop(
        (c: Tensor) => tl.greater(c, 0) as never,
        (c) => c,
        a as Tensor,
        {} as never,
      ),
  ],
  [
    /randomUniform in whileLoop: each iteration would draw the same/,
    ({ a }) =>
      whileLoop(
        (c: Tensor) => tl.greater(c, 0) as never,
        (c) => tl.add(c, tl.randomUniform([])) as Tensor,
        a as Tensor,
        { most: 9 },
      ),
  ],
  [
    /both branches must give the same types, not f32\[\] and f32\[2\]/,
    ({ a, h }) =>
      cond(
        tl.greater(a as Tensor, 0) as never,
        (z: Tensor) => tl.sum(z) as Tensor,
        (z) => z,
        h as Tensor,
      ),
  ],
  [
    /cond: yes gives a tensor and no gives "z"/,
    ({ a, h }) =>
      cond(
        tl.greater(a as Tensor, 0) as never,
        (z: Tensor) => z as unknown,
        (z) => ({ z }),
        h as Tensor,
      ),
  ],
])("refused: %s", (message, step) => {
  expect(() => entryOf(step)).toThrow(message);
});

test("a tensor of a body has no value outside", () => {
  const leak: Tensor[] = [];
  const leaked = (carry: Tensor) => {
    leak[0] = carry;
    return { carry };
  };
  const leaking = ({ h, x }: Inputs) => {
    scan((c: Tensor) => leaked(tl.mul(c, 2) as Tensor), h as Tensor, x as Tensor);
    return { y: tl.add(leak[0] as Tensor, 1) };
  };
  expect(() => entryOf(leaking)).toThrow(
    /a tensor \(mul f32\[2\]\) that was made inside the function of scan \(at .*loop-graph.test.ts:\d+:\d+\) is used outside[\s\S]*loop-graph.test.ts/,
  );
  expect(() =>
    entryOf(({ h, x }) => {
      leaking({ h, x } as Inputs);
      return {};
    }),
  ).toThrow(/made inside the function of scan/);
  const asOutput = ({ h, x }: Inputs) => {
    scan((c: Tensor) => leaked(tl.mul(c, 2) as Tensor), h as Tensor, x as Tensor);
    return { y: leak[0] };
  };
  expect(() => entryOf(asOutput)).toThrow(/a tensor \(mul .*made inside the function of scan/);
});

test("a gradient in a body flows through what is made outside of the tensor that it is taken by, from however far out", () => {
  const squares =
    (nested: boolean) =>
    ({ a, x }: Inputs) => {
      const [scale, row] = [a as Tensor, x as Tensor];
      const doubled = tl.mul(scale, 2) as Tensor;
      const third = tl.mul(doubled, scale) as Tensor; // 2 a a
      const slope = (r: Tensor) => tl.grad(tl.sum(tl.mul(tl.mul(r, scale), third)) as Tensor, scale); // of 2 a a a sum(r)
      const within = (r: Tensor) =>
        scan((c: Tensor) => ({ carry: tl.add(c, slope(r)) as Tensor }), tl.scalar(0) as Tensor, {}, { length: 2 })
          .carry;
      return scan(
        (c: Tensor, r: Tensor) => ({ carry: c, output: nested ? within(r) : slope(r) }),
        tl.scalar(0) as Tensor,
        row,
      ).outputs;
    };
  const feeds = { a: 3, x: [1, 2, 3, 4] };
  expect(evaluated((given) => ({ y: squares(false)(given) }), feeds)).toEqual({ y: [6 * 9 * 3, 6 * 9 * 7] });
  expect(evaluated((given) => ({ y: squares(true)(given) }), feeds)).toEqual({ y: [2 * 6 * 9 * 3, 2 * 6 * 9 * 7] });
  const each = ({ a, x }: Inputs) => {
    const root = tl.mul(a as Tensor, a as Tensor) as Tensor;
    return { y: tl.vmap((r: Tensor) => tl.grad(tl.sum(tl.mul(r, root)) as Tensor, a as Tensor), x as Tensor) };
  };
  expect(evaluated(each, feeds)).toEqual({ y: [18, 42] });
});

test("a target without branches computes both, and goes on as often as it may", () => {
  const step = ({ a, x, h }: Inputs) => ({
    either: cond(
      tl.greater(a as Tensor, 0) as Tensor<[], "bool">,
      (z) => tl.sum(z) as Tensor,
      (z) =>
        scan((c: Tensor, row: Tensor) => ({ carry: tl.add(c, tl.sum(row)) as Tensor }), tl.scalar(7) as Tensor, z)
          .carry,
      x as Tensor,
    ),
    grown: whileLoop(
      (c: Tensor) => tl.less(tl.sum(c), 40) as Tensor<[], "bool">,
      (c) => tl.mul(c, tl.sum(h as Tensor)) as Tensor,
      x as Tensor,
      { most: 5 },
    ),
  });
  const { entry } = entryOf(step);
  const lowered = lowerBranches(entry);
  expect(checkGraph(lowered.graph)).toBeNull();
  expect(new Set(neededNodes(lowered).map(({ op }) => op.name))).not.toContain("whileLoop");
  for (const a of [1, -1]) {
    const environment = new Map([
      ["a", ndarray("f32", [], [a])],
      ["x", ndarray("f32", [2, 2], [1, 2, 3, 4])],
      ["h", ndarray("f32", [2], [1, 0.5])],
    ]);
    const [found, wanted] = [lowered, entry].map((one) => {
      const bound = specialize.run(one, { dims: { time: 2 }, warn: () => undefined });
      return evaluateGraph(resultNodes(bound), environment).map(({ data }) => [...data]);
    });
    expect(found).toEqual(wanted);
  }
});

/** Whether what one function gives for three rows, or examples, are three different numbers. */
function areOthers(step: (given: Inputs, draw: () => Tensor) => unknown): boolean {
  const draw = (): Tensor => tl.randomUniform([]) as Tensor;
  const { outputs = [] } = evaluated((given) => ({ outputs: step(given, draw) }), { x: [1, 2, 3, 4, 5, 6], a: 2 });
  expect(outputs).toHaveLength(3);
  return new Set(outputs).size === 3;
}

test("what a function draws are other numbers for each row, whatever they meet there", () => {
  const over = (given: Inputs, f: (row: Tensor) => Tensor) =>
    scan((c: Tensor, row: Tensor) => ({ carry: c, output: f(row) }), given.h as Tensor, given.x as Tensor).outputs;
  const scaled = ({ a }: Inputs, noise: Tensor): Tensor => tl.mul(a as Tensor, noise) as Tensor;
  expect(areOthers((given, draw) => over(given, () => scaled(given, draw())))).toBe(true);
  expect(areOthers((given, draw) => tl.vmap(() => scaled(given, draw()), given.x as Tensor))).toBe(true);
  const outer = (given: Inputs) => given.h as Tensor;
  expect(areOthers((given, draw) => over(given, () => tl.sum(tl.vmap(() => draw(), outer(given))) as Tensor))).toBe(
    true,
  );
  expect(areOthers((given, draw) => over(given, () => tl.checkpoint(() => scaled(given, draw()), outer(given))))).toBe(
    true,
  );
  const branch = (given: Inputs, draw: () => Tensor): Tensor =>
    cond(
      tl.greater(given.a as never, 0) as never,
      (y: Tensor) => tl.mul(y, draw()) as Tensor,
      (y: Tensor) => y,
      given.a as Tensor,
    );
  expect(areOthers((given, draw) => over(given, () => branch(given, draw)))).toBe(true);
  // drawn outside it is one number, the same inside and outside
  const step = (given: Inputs) => {
    const noise = tl.randomUniform([]) as Tensor;
    const all = tl.mul(noise, given.a as Tensor) as Tensor;
    return { all, outputs: over(given, () => tl.add(scaled(given, noise), tl.mul(noise, 0)) as Tensor) };
  };
  const { all, outputs } = evaluated(step, { x: [1, 2, 3, 4, 5, 6], a: 2 });
  expect(outputs).toEqual([...(all ?? []), ...(all ?? []), ...(all ?? [])]);
});

test("numbers that a while loop draws, or that stand outside before it is known who drew them, are refused", () => {
  const scaled = ({ a }: Inputs): Tensor => tl.mul(a as Tensor, tl.randomUniform([])) as Tensor;
  const repeated = (given: Inputs) =>
    whileLoop(
      (c: Tensor) => tl.less(c, 3) as Tensor<readonly [], "bool">,
      (c: Tensor) => tl.add(c, scaled(given)) as Tensor,
      given.a as Tensor,
      { most: 9 },
    );
  expect(() => entryOf(repeated)).toThrow(/randomUniform in whileLoop: .*\n.*loop-graph.test.ts/);
  const walk = (given: Inputs) =>
    scan((c: Tensor) => ({ carry: tl.add(c, scaled(given)) as Tensor }), tl.scalar(0) as Tensor, {}, { length: 3 });
  expect(() => entryOf(walk)).toThrow(
    /scan: its function draws random numbers and mixes them .*\n.*loop-graph.test.ts/,
  );
});

/** What a function gives that reads one number from outside, for each of three rows or examples. */
const readers: Readonly<Record<string, (read: () => Tensor, given: Inputs) => Tensor>> = {
  scan: (read, { h, x }) =>
    scan((c: Tensor, _row: Tensor) => ({ carry: c, output: read() }), h as Tensor, x as Tensor).outputs as Tensor,
  "scan, carried": (read) => scan((c: Tensor) => ({ carry: tl.add(c, read()) }), zero(), {}, { length: 3 }).carry,
  "scan of constants, in one": (read, { x }) =>
    scan(
      (c: Tensor, _: Tensor) => ({
        carry: c,
        output: scan((d: Tensor) => ({ carry: tl.add(d, read()) }), zero(), {}, { length: 2 }).carry,
      }),
      zero(),
      x as Tensor,
    ).outputs as Tensor,
  vmap: (read, { x }) => tl.vmap((row) => tl.add(tl.mul(tl.sum(row), 0), read()), x as Tensor) as Tensor,
  "vmap in vmap": (read, { x }) =>
    tl.vmap((row) => tl.vmap((one) => tl.add(tl.mul(one, 0), read()), row), x as Tensor) as Tensor,
  whileLoop: (read, { a }) =>
    whileLoop(
      (c: Tensor) => tl.less(c, 0) as Tensor<readonly [], "bool">,
      (c) => tl.add(tl.mul(c, 0), read()) as Tensor,
      a as Tensor,
      { most: 9 },
    ),
  "cond in scan": (read, { h, x, a }) =>
    scan(
      (c: Tensor, _: Tensor) => ({ carry: c, output: cond(tl.less(a as never, 0), read, () => zero(), zero()) }),
      h as Tensor,
      x as Tensor,
    ).outputs as Tensor,
  "checkpoint in vmap": (read, { x }) =>
    tl.vmap((row) => tl.checkpoint((z) => tl.add(tl.mul(tl.sum(z), 0), read()), row) as Tensor, x as Tensor) as Tensor,
};

const zero = (): Tensor => tl.scalar(0) as Tensor;

test.each(Object.entries(readers))(
  "random numbers made before are one draw in the function of %s alone",
  (_, reader) => {
    const spread = (noise: Tensor): Tensor => tl.add(tl.mul(noise, 2), noise) as Tensor; // still of constants only
    for (const read of [(noise: Tensor) => noise, spread]) {
      const step = (given: Inputs) => {
        const noise = tl.randomUniform([]) as Tensor;
        return { rows: reader(() => read(noise), given) };
      };
      const elsewhere = (given: Inputs) => {
        const noise = tl.randomUniform([]) as Tensor;
        return { rows: reader(() => read(noise), given), noise: tl.add(tl.mul(given.a as Tensor, 0), read(noise)) };
      };
      const { rows = [] } = evaluated(step, { x: [1, 2, 3, 4, 5, 6], a: -1 });
      const both = evaluated(elsewhere, { x: [1, 2, 3, 4, 5, 6], a: -1 });
      expect(rows[0]).toBeGreaterThan(0);
      expect(new Set(rows).size).toBe(1);
      expect(both.rows).toEqual(rows);
      const times = { "scan, carried": 3, "scan of constants, in one": 2 }[_] ?? 1;
      expect(rows[0]).toBeCloseTo(times * Number(both.noise?.[0]), 6);
    }
  },
);

test("random numbers that a function and what is around it both read are the same, or are refused", () => {
  const once = (given: Inputs) => {
    const noise = tl.randomUniform([]) as Tensor;
    const inside = cond(
      tl.greater(given.a as never, 0) as never,
      () => noise,
      () => tl.neg(noise) as Tensor,
      given.a as Tensor,
    );
    const again = tl.checkpoint(() => tl.mul(noise, 1) as Tensor, given.a as Tensor);
    return { inside, again, noise };
  };
  const { inside, again, noise } = evaluated(once, { a: 2 });
  expect(inside).toEqual(noise);
  expect(again).toEqual(noise);
  const repeated = (given: Inputs) => {
    let drawn = given.a as Tensor;
    const draw = (c: Tensor) => {
      drawn = tl.randomUniform([]) as Tensor;
      return { carry: c, output: tl.mul(drawn, 1) as Tensor };
    };
    const rows = scan(draw, given.h as Tensor, given.x as Tensor);
    return { rows: rows.outputs, drawn };
  };
  expect(() => entryOf(repeated)).toThrow(
    /randomUniform: these random numbers are drawn in the function of scan.*\n.*loop-graph/,
  );
  const leaked = (given: Inputs) => {
    let last = given.h as Tensor;
    const keep = (c: Tensor, row: Tensor) => {
      last = row;
      return { carry: c };
    };
    scan(keep, given.h as Tensor, given.x as Tensor);
    return { sum: tl.add(last, tl.randomUniform([2])) };
  };
  expect(() => entryOf(leaked)).toThrow(/made inside the function of scan \(at .* is used outside/);
});
