/**
 * vmap against a loop over examples: of functions, of gradients in them, of itself; axes and trees of them; what it says where
 * something does not fit. The rules of the ops are held to a loop in batch.test.ts.
 */
import { describe, expect, test } from "vitest";
import { simplify } from "../../passes/graph/simplify.ts";
import { compile } from "../../src/compile.ts";
import { cond, scan, whileLoop } from "../../src/dsl/loops.ts";
import * as ops from "../../src/dsl/ops.ts";
import type { Program } from "../../src/dsl/program.ts";
import { program } from "../../src/dsl/program.ts";
import { f32, InputSpec, i32 } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { evaluateEntry, expand, type Feeds, randomArray, runPasses } from "./oracle.ts";

type Given = Readonly<Record<string, Tensor>>;
type Shapes = Readonly<Record<string, readonly number[]>>;

/** What `vmapped` gives and what `looped` gives of the same numbers, in float64, plain and simplified. */
function compare(shapes: Shapes, vmapped: (given: Given) => Tensor, looped: (given: Given) => Tensor): void {
  const { entries } = program({
    inputs: Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, new InputSpec(shape, "f64")])),
    step: (given: Given) => ({ outputs: { vmapped: vmapped(given), looped: looped(given) } }),
  });
  const entry = runPasses(entries.get("step") as Entry, expand);
  const feeds: Feeds = Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, randomArray(name, "f64", shape, 0.2, 1.4)]),
  );
  for (const one of [entry, runPasses(entry, [simplify])]) {
    const values = evaluateEntry(one, feeds);
    const [a, b] = [values.get("vmapped"), values.get("looped")];
    expect(a?.shape).toEqual(b?.shape);
    a?.data.forEach((value, i) => {
      expect(value).toBeCloseTo(b?.data[i] ?? Number.NaN, 9);
    });
    expect(a?.data.length).toBeGreaterThan(0);
  }
}

/** One example of a tensor, or all of them again from what each gives. */
const row = (x: Tensor, i: number): Tensor => ops.reshape(ops.slice(x, [i, i + 1]), x.shape.slice(1));
const stack = (rows: readonly Tensor[]): Tensor =>
  ops.concat(rows.map((one) => ops.reshape(one, [1, ...one.shape]))) as Tensor;
const loop = (count: number, f: (i: number) => Tensor): Tensor => stack(Array.from({ length: count }, (_, i) => f(i)));

const layer = (x: Tensor, w: Tensor, b: Tensor): Tensor => ops.tanh(ops.add(ops.dot(x, w as never), b)) as Tensor;
const loss = (x: Tensor, w: Tensor, b: Tensor): Tensor => ops.sum(ops.square(layer(x, w, b))) as Tensor;
const shapes = { x: [4, 3], w: [3, 2], b: [2] };

describe("vmap of a function is a loop over examples", () => {
  test("that reads weights from around it", () => {
    compare(
      shapes,
      ({ x, w, b }: Given) => ops.vmap((one: Tensor) => layer(one, w as Tensor, b as Tensor), x as Tensor),
      ({ x, w, b }: Given) => loop(4, (i) => layer(row(x as Tensor, i), w as Tensor, b as Tensor)),
    );
  });

  test("of all trees, and back", () => {
    compare(
      { x: [4, 3], y: [4, 3] },
      ({ x, y }: Given) => {
        const all = ops.vmap(({ a, pair: [c] }) => ({ sum: ops.add(a, c), max: ops.max(c) }), {
          a: x as Tensor<[4, 3]>,
          pair: [y as Tensor<[4, 3]>],
        } as const);
        return ops.add(all.sum, ops.reshape(all.max, [4, 1])) as Tensor;
      },
      ({ x, y }: Given) =>
        loop(
          4,
          (i) => ops.add(ops.add(row(x as Tensor, i), row(y as Tensor, i)), ops.max(row(y as Tensor, i))) as Tensor,
        ),
    );
  });

  test("along other axes, with tensors that are the same for all, and an axis in another place", () => {
    compare(
      { x: [3, 4], w: [3, 2] },
      ({ x, w }: Given) =>
        ops.vmap(
          (one) => ops.dot(one.x, one.w as never),
          { x: x as Tensor, w: w as Tensor },
          { axis: { x: 1, w: null }, outAxis: -1 },
        ) as Tensor,
      ({ x, w }: Given) =>
        ops.transpose(
          loop(4, (i) => ops.dot(row(ops.transpose(x as Tensor) as Tensor, i), w as never) as Tensor),
        ) as Tensor,
    );
  });

  test("inside itself: every pair", () => {
    compare(
      { x: [4, 3], y: [5, 3] },
      ({ x, y }: Given) =>
        ops.vmap(
          (a: Tensor) =>
            ops.vmap((b: Tensor) => ops.sum(ops.mul(ops.exp(a), ops.sub(a, b))) as Tensor, y as Tensor) as Tensor,
          x as Tensor,
        ),
      ({ x, y }: Given) =>
        loop(4, (i) =>
          loop(5, (k) => {
            const [a, b] = [row(x as Tensor, i), row(y as Tensor, k)];
            return ops.sum(ops.mul(ops.exp(a), ops.sub(a, b))) as Tensor;
          }),
        ),
    );
  });

  test("where it does not depend on the example, it is repeated", () => {
    compare(
      shapes,
      ({ x, w }: Given) => ops.vmap(() => ops.exp(w as Tensor), x as Tensor),
      ({ w }: Given) => loop(4, () => ops.exp(w as Tensor)),
    );
  });
});

describe("a gradient in the function is each example's", () => {
  test("by what is given", () => {
    compare(
      shapes,
      ({ x, w, b }: Given) =>
        ops.vmap((one: Tensor) => ops.grad(loss(one, w as Tensor, b as Tensor) as never, one), x as Tensor),
      ({ x, w, b }: Given) =>
        loop(4, (i) => {
          const one = row(x as Tensor, i);
          return ops.grad(loss(one, w as Tensor, b as Tensor) as never, one);
        }),
    );
  });

  test("by weights from around it, which are one tensor for all", () => {
    compare(
      shapes,
      ({ x, w, b }: Given) =>
        ops.vmap((one: Tensor) => ops.grad(loss(one, w as Tensor, b as Tensor) as never, w as Tensor), x as Tensor),
      ({ x, w, b }: Given) =>
        loop(4, (i) => ops.grad(loss(row(x as Tensor, i), w as Tensor, b as Tensor) as never, w as Tensor)),
    );
  });

  test("by something in between, and by what it makes of tensors from around it alone", () => {
    const f = (x: Tensor, w: Tensor, b: Tensor): Tensor => {
      const inner = ops.mul(w, 2) as Tensor;
      const hidden = layer(x, inner, b);
      const y = ops.sum(ops.mul(hidden, hidden)) as Tensor;
      return ops.add(ops.sum(ops.grad(y as never, inner), { axis: 0 }), ops.grad(y as never, hidden)) as Tensor;
    };
    // (a tensor that the function makes of captured ones is made inside it, where it reads an example as well)
    compare(
      shapes,
      ({ x, w, b }: Given) =>
        ops.vmap(
          (one: Tensor) => f(one, ops.add(w as Tensor, ops.mul(ops.sum(one), 0)) as Tensor, b as Tensor),
          x as Tensor,
        ),
      ({ x, w, b }: Given) => loop(4, (i) => f(row(x as Tensor, i), w as Tensor, b as Tensor)),
    );
  });

  test("although other examples are read beside it: what flows through them is not its own", () => {
    const f = (one: Tensor, all: Tensor): Tensor => {
      const y = ops.sum(ops.mul(ops.sum(all, { axis: 0 }), ops.mul(one, one))) as Tensor;
      return ops.grad(y as never, one);
    };
    compare(
      { x: [4, 3] },
      ({ x }: Given) => ops.vmap((one: Tensor) => f(one, x as Tensor), x as Tensor),
      ({ x }: Given) => {
        const total = ops.sum(x as Tensor, { axis: 0 }) as Tensor;
        return ops.mul(ops.mul(x as Tensor, 2), total) as Tensor;
      },
    );
  });

  test("of gradients, Hessians and Jacobians, and forward ones", () => {
    const second = (x: Tensor, w: Tensor, b: Tensor): Tensor =>
      ops.add(
        ops.hessian(loss(x, w, b) as never, x),
        ops.dot(ops.transpose(ops.jacobian(layer(x, w, b), x)) as Tensor, ops.jacobian(layer(x, w, b), x) as never),
      ) as Tensor;
    compare(
      shapes,
      ({ x, w, b }: Given) => ops.vmap((one: Tensor) => second(one, w as Tensor, b as Tensor), x as Tensor),
      ({ x, w, b }: Given) => loop(4, (i) => second(row(x as Tensor, i), w as Tensor, b as Tensor)),
    );
    const forward = (x: Tensor, w: Tensor, b: Tensor): Tensor =>
      ops.jvp((at: Tensor) => layer(at, w, b), x, ops.exp(x)).tangent;
    compare(
      shapes,
      ({ x, w, b }: Given) => ops.vmap((one: Tensor) => forward(one, w as Tensor, b as Tensor), x as Tensor),
      ({ x, w, b }: Given) => loop(4, (i) => forward(row(x as Tensor, i), w as Tensor, b as Tensor)),
    );
  });

  test("and all of it can be differentiated again, by weights and by examples", () => {
    const norms = (x: Tensor, w: Tensor, b: Tensor): Tensor =>
      ops.sum(ops.square(ops.vmap((one: Tensor) => ops.grad(loss(one, w, b) as never, w), x))) as Tensor;
    const looped = (x: Tensor, w: Tensor, b: Tensor): Tensor =>
      ops.sum(ops.square(loop(4, (i) => ops.grad(loss(row(x, i), w, b) as never, w)))) as Tensor;
    for (const by of ["x", "w", "b"]) {
      compare(
        shapes,
        ({ x, w, b, ...given }: Given) =>
          ops.grad(norms(x as Tensor, w as Tensor, b as Tensor) as never, { x, w, b, ...given }[by] as Tensor),
        ({ x, w, b, ...given }: Given) =>
          ops.grad(looped(x as Tensor, w as Tensor, b as Tensor) as never, { x, w, b, ...given }[by] as Tensor),
      );
    }
  });
});

describe("loops and branches in it", () => {
  const cell = (x: Tensor, h: Tensor, w: Tensor): { carry: Tensor; outputs: Tensor } => {
    const all = scan(
      (carry: Tensor, one: Tensor) => {
        const next = ops.tanh(ops.add(ops.dot(carry, w as never), one)) as Tensor;
        return { carry: next, output: ops.mul(next, 2) as Tensor };
      },
      h,
      x as never,
      { reverse: true },
    );
    return { carry: all.carry, outputs: all.outputs as unknown as Tensor };
  };
  const sequences = { x: [4, 5, 2], h: [2], w: [2, 2] };

  test("scan, whose carry is the same for all at first", () => {
    for (const part of ["carry", "outputs"] as const) {
      compare(
        sequences,
        ({ x, h, w }: Given) => ops.vmap((one: Tensor) => cell(one, h as Tensor, w as Tensor)[part], x as Tensor),
        ({ x, h, w }: Given) => loop(4, (i) => cell(row(x as Tensor, i), h as Tensor, w as Tensor)[part]),
      );
    }
  });

  test("scan over rows that are the same for all, with a carry that is not, and one that never becomes so", () => {
    const f = (x: Tensor, h: Tensor): Tensor => {
      const { carry } = scan(
        (c: { a: Tensor; b: Tensor }, one: Tensor) => ({
          carry: { a: ops.mul(c.a, ops.add(one, c.b)) as Tensor, b: ops.exp(ops.neg(c.b)) as Tensor },
        }),
        { a: h, b: ops.sum(x, { axis: 0 }) as Tensor },
        x as never,
      );
      return ops.add(carry.a, carry.b) as Tensor;
    };
    compare(
      { x: [5, 2], h: [4, 2] },
      ({ x, h }: Given) => ops.vmap((one: Tensor) => f(x as Tensor, one), h as Tensor),
      ({ x, h }: Given) => loop(4, (i) => f(x as Tensor, row(h as Tensor, i))),
    );
  });

  test("gradients and Jacobians of a scan", () => {
    const total = (x: Tensor, h: Tensor, w: Tensor): Tensor => ops.sum(ops.square(cell(x, h, w).outputs)) as Tensor;
    compare(
      sequences,
      ({ x, h, w }: Given) =>
        ops.vmap((one: Tensor) => ops.grad(total(one, h as Tensor, w as Tensor) as never, w as Tensor), x as Tensor),
      ({ x, h, w }: Given) =>
        loop(4, (i) => ops.grad(total(row(x as Tensor, i), h as Tensor, w as Tensor) as never, w as Tensor)),
    );
    compare(
      { x: [5, 2], h: [2], w: [2, 2] },
      ({ x, h, w }: Given) => ops.jacobian(cell(x as Tensor, h as Tensor, w as Tensor).carry, x as Tensor),
      ({ x, h, w }: Given) =>
        loop(2, (i) =>
          ops.grad(
            ops.sum(ops.slice(cell(x as Tensor, h as Tensor, w as Tensor).carry, [i, i + 1])) as never,
            x as Tensor,
          ),
        ),
    );
    compare(
      { x: [5, 2], h: [2], w: [2, 2], v: [2, 2] },
      ({ x, h, w, v }: Given) =>
        ops.jvp((at: Tensor) => cell(x as Tensor, h as Tensor, at).carry, w as Tensor, v as Tensor).tangent,
      ({ x, h, w, v }: Given) => {
        const whole = ops.jacobian(cell(x as Tensor, h as Tensor, w as Tensor).carry, w as Tensor);
        return ops.sum(ops.mul(whole, v as Tensor), { axis: [1, 2] }) as Tensor;
      },
    );
  });

  test("a gradient inside of the body of a scan", () => {
    const f = (x: Tensor, w: Tensor): Tensor =>
      scan(
        (c: Tensor, one: Tensor) => {
          const y = ops.sum(ops.square(ops.sub(ops.dot(one, c as never), 1))) as Tensor;
          return { carry: ops.sub(c, ops.mul(ops.grad(y as never, c), 0.1)) as Tensor };
        },
        w,
        x as never,
      ).carry;
    compare(
      { x: [4, 5, 2], w: [2] },
      ({ x, w }: Given) => ops.vmap((one: Tensor) => f(one, w as Tensor), x as Tensor),
      ({ x, w }: Given) => loop(4, (i) => f(row(x as Tensor, i), w as Tensor)),
    );
  });

  test("cond, with one condition for all and with one for each", () => {
    const f = (flag: Tensor, x: Tensor, w: Tensor): Tensor =>
      cond(
        flag as never,
        (at: Tensor) => ops.mul(at, w) as Tensor,
        (_: Tensor) => ops.exp(w) as Tensor,
        x,
      );
    const isLarge = (x: Tensor): Tensor => ops.greater(ops.sum(x), 2.4);
    compare(
      { x: [4, 3], w: [3] },
      ({ x, w }: Given) => ops.vmap((one: Tensor) => f(isLarge(one), one, w as Tensor), x as Tensor),
      ({ x, w }: Given) => loop(4, (i) => f(isLarge(row(x as Tensor, i)), row(x as Tensor, i), w as Tensor)),
    );
    compare(
      { x: [4, 3], w: [3] },
      ({ x, w }: Given) => ops.vmap((one: Tensor) => f(isLarge(w as Tensor), one, w as Tensor), x as Tensor),
      ({ x, w }: Given) => loop(4, (i) => f(isLarge(w as Tensor), row(x as Tensor, i), w as Tensor)),
    );
  });

  test("whileLoop, which ends for all at once, or for each by itself", () => {
    const halved = (x: Tensor, limit: Tensor): Tensor =>
      whileLoop(
        (c: { x: Tensor; n: Tensor }) => ops.greater(ops.max(c.x), limit) as never,
        (c: { x: Tensor; n: Tensor }) => ({ x: ops.mul(c.x, 0.5) as Tensor, n: ops.add(c.n, 1) as Tensor }),
        { x, n: ops.mul(ops.sum(limit), 0) as Tensor },
        { most: 100 },
      ).n;
    compare(
      { x: [4, 3], w: [4] },
      ({ x, w }: Given) =>
        ops.vmap(({ a, b }) => halved(a, ops.mul(b, 0.1) as Tensor), { a: x as Tensor, b: w as Tensor }) as Tensor,
      ({ x, w }: Given) => loop(4, (i) => halved(row(x as Tensor, i), ops.mul(row(w as Tensor, i), 0.1) as Tensor)),
    );
    const counted = (x: Tensor, n: Tensor): Tensor =>
      whileLoop(
        (c: { x: Tensor; n: Tensor }) => ops.greater(c.n, 0.5) as never,
        (c: { x: Tensor; n: Tensor }) => ({ x: ops.mul(c.x, 0.5) as Tensor, n: ops.mul(c.n, 0.5) as Tensor }),
        { x, n },
        { most: 100 },
      ).x;
    compare(
      { x: [4, 3], w: [] },
      ({ x, w }: Given) => ops.vmap((one: Tensor) => counted(one, ops.mul(w as Tensor, 9) as Tensor), x as Tensor),
      ({ x, w }: Given) => loop(4, (i) => counted(row(x as Tensor, i), ops.mul(w as Tensor, 9) as Tensor)),
    );
  });
});

test("of a layer with shared weights it is the product of matrices that one writes for a batch", () => {
  const { entries } = program({
    inputs: { x: f32("batch", 16), y: f32("batch", 4), w: f32(16, 4) },
    step({ x, y, w }) {
      const value = ops.sum(
        ops.vmap((e) => ops.sum(ops.square(ops.sub(ops.dot(e.x, w as never), e.y))) as Tensor, { x, y }),
      );
      return { outputs: { value, g: ops.grad(value as never, w) } };
    },
  });
  const simple = runPasses(entries.get("step") as Entry, [...expand, simplify], { batch: 8 });
  const contracts = simple.graph.nodes.filter(({ op }) => op.name === "contract");
  expect(contracts.map(({ type }) => type.shape)).toEqual([
    [8, 4],
    [16, 4],
  ]);
  expect(simple.graph.nodes.map(({ op }) => op.name)).not.toContain("permute");
});

test("over constants alone it gives closed expressions, with gradients, loops and draws in them", async () => {
  const made = program({
    inputs: { s: f32() },
    step: ({ s }) => {
      const rows = ops.reshape(ops.arange(6, "f32"), [3, 2]) as Tensor;
      const slopes = ops.vmap((one: Tensor) => ops.grad(ops.sum(ops.square(one)) as never, one), rows) as Tensor;
      const nested = ops.vmap((one: Tensor) => ops.vmap((x: Tensor) => ops.add(x, ops.sum(one)), one), rows) as Tensor;
      const drawn = ops.vmap((one: Tensor) => ops.add(ops.mul(ops.sum(one), 0), ops.randomUniform([])), rows);
      return { outputs: { slopes: ops.mul(slopes, s), nested, drawn } };
    },
  });
  const executable = await compile(made, { target: "js" });
  const { slopes, nested, drawn } = await executable.run({ entry: "step", feeds: { s: 10 } });
  executable.dispose();
  expect(slopes).toEqual(Float32Array.of(0, 20, 40, 60, 80, 100));
  expect(nested).toEqual(Float32Array.of(1, 2, 7, 8, 13, 14));
  expect(new Set(drawn).size).toBe(3);
});

test("gradients by what is outside, and by what is made of that: a gradient that is made again is by a tensor from outside too", () => {
  const both = (x: Tensor, w: Tensor): Tensor => {
    const h = ops.sin(w) as Tensor;
    const { tangent } = ops.jvp((z: Tensor) => ops.tanh(ops.mul(z, ops.sum(h))) as Tensor, w, ops.cos(w) as never);
    const mixed = ops.add(ops.mul(ops.sum(h), ops.sum(x)), ops.sum(tangent as Tensor)) as Tensor;
    const [byH, byW] = [h, w].map((by) => ops.grad(mixed as never, by) as Tensor);
    return ops.concat([tangent as Tensor, byH as Tensor, byW as Tensor]) as Tensor;
  };
  compare(
    { x: [4, 3], w: [2] },
    ({ x, w }: Given) => ops.vmap((one: Tensor) => both(one, w as Tensor), x as Tensor),
    ({ x, w }: Given) => loop(4, (i) => both(row(x as Tensor, i), w as Tensor)),
  );
});

test("random numbers are others for each example, and the same on every target", async () => {
  const made = program({
    inputs: { x: f32(6, 50) },
    step: ({ x }) => ({ outputs: { y: ops.vmap((one) => ops.mul(one, ops.randomUniform([50])), x) } }),
  }) as Program<unknown>;
  const outputs: Float32Array[] = [];
  for (const target of ["js", "wasm"] as const) {
    const executable = await compile(made, { target, seed: 3, threads: 1 });
    const feeds = { x: new Float32Array(300).fill(1) };
    const { y } = (await executable.run({ entry: "step", feeds } as never)) as { readonly y: Float32Array };
    executable.dispose();
    outputs.push(Float32Array.from(y));
  }
  const [a, b] = outputs;
  expect(a).toEqual(b);
  const rows = Array.from({ length: 6 }, (_, i) => [...(a?.subarray(50 * i, 50 * i + 50) ?? [])].join());
  expect(new Set(rows).size).toBe(6);
});

describe("what does not fit is said, with the user's line", () => {
  const wrong = (make: (given: Given) => unknown) => () =>
    program({
      inputs: { x: f32(4, 3), y: f32(5, 3), s: f32(), n: i32(4) },
      step: (given) => ({ outputs: { made: make(given) } }) as never,
    });
  test.each<readonly [string, (given: Given) => unknown, RegExp]>([
    [
      "different numbers of examples",
      ({ x, y }) => ops.vmap((e: { x: Tensor; y: Tensor }) => e.x, { x: x as Tensor, y: y as Tensor } as never),
      /vmap: 4 examples, and 5 in "y" \(f32\[5,3\]\).*vmap\.test/s,
    ],
    ["no axis", ({ s }) => ops.vmap((e: Tensor) => e, s as never), /vmap\(f32\[\]\): there is no axis 0.*vmap\.test/s],
    [
      "no tensor that is mapped",
      ({ x }) => ops.vmap((e: { x: Tensor }) => e.x, { x: x as Tensor }, { axis: { x: null } }),
      /no tensor of xs has an axis of examples/,
    ],
    [
      "null for all, in a word",
      ({ x }) => ops.vmap((e: Tensor) => e, x as never, { axis: null as never }),
      /no tensor of xs has an axis of examples: axis says null of each.*vmap\.test/s,
    ],
    [
      "an axis of no examples in what is given back",
      ({ x }) => ops.vmap((e: Tensor) => e, x as never, { outAxis: null as never }),
      /vmap: outAxis must be a whole number, not null/,
    ],
    [
      "an axis that is no number",
      ({ x }) => ops.vmap((e: { x: Tensor }) => e.x, { x: x as Tensor }, { axis: { x: "0" } as never }),
      /axis of "x" must be a whole number or null, not "0"/,
    ],
    ["something that is no tensor", ({ x }) => ops.vmap(() => 3, x as Tensor), /vmap: the tree holds 3/],
    ["a promise", ({ x }) => ops.vmap(async (e: Tensor) => e, x as Tensor), /vmap: the function gave a promise/],
    [
      "a mistake in the function",
      ({ x }) => ops.vmap((e: Tensor) => ops.add(e, ops.full([7], 1)) as Tensor, x as Tensor),
      /add\(f32\[3\], f32\[7\]\): the shapes do not broadcast.*vmap\.test/s,
    ],
  ])("%s", (_, make, message) => {
    expect(wrong(make)).toThrow(message);
  });
});
