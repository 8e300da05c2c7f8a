/** Small hand-written kernels that several tests run, print or break. */

import type { Index, Kernel, Stmt } from "../../../src/kernel/kernel.ts";
import * as b from "../../kernel-pool.ts";
import { addIndex, constIndex, scaleIndex } from "../../kernel-pool.ts";
import { at, buffer, flat, kernel, loopVar, nest } from "./notation.ts";

/** y[m, n] = relu(x[m, k] w[k, n]), with a double accumulator. */
export function matmulRelu(m: number, n: number, k: number): Kernel {
  const [i, j, p] = [loopVar("i", m), loopVar("j", n), loopVar("k", k)];
  const product = b.apply("mul", b.load("f32", "x", flat([i, p], [m, k])), b.load("f32", "w", flat([p, j], [k, n])));
  const sum = b.name("f32", "sum");
  const body: readonly Stmt[] = [
    b.variable("acc", b.constant("f64", 0)),
    b.forLoop(p, [b.assign("acc", b.apply("add", b.name("f64", "acc"), b.convert("f64", product)))]),
    b.letValue("sum", b.convert("f32", b.name("f64", "acc"))),
    b.store("y", flat([i, j], [m, n]), b.apply("max", sum, b.constant("f32", 0))),
  ];
  const buffers = [buffer("read", "x", m * k), buffer("read", "w", k * n), buffer("write", "y", m * n)];
  return kernel("matmul_relu", buffers, [nest([["parallel", i, j]], body)]);
}

/**
 * The same as a GPU runs it: workgroups of `tile` x `tile` invocations, each with a register for one element, and both
 * operands staged `tile` deep. `m`, `n` and `k` need not be multiples: loads and the store are guarded.
 */
export function tiledMatmulRelu(
  m: number,
  n: number,
  k: number,
  tile: number,
  barriers = { fill: true, use: true },
): Kernel {
  const up = (size: number): number => Math.ceil(size / tile);
  const [wi, wj] = [loopVar("wi", up(m)), loopVar("wj", up(n))];
  const [ii, jj] = [loopVar("ii", tile), loopVar("jj", tile)];
  const [kt, kk] = [loopVar("kt", up(k)), loopVar("kk", tile)];
  const inTile = (outer: Index, inner: Index): Index => addIndex(scaleIndex(outer, tile), inner);
  const [row, column] = [inTile(at(wi), at(ii)), inTile(at(wj), at(jj))];
  const zero = b.constant("f32", 0);
  const fetch = (name: string, r: Index, c: Index, rows: number, columns: number) =>
    b.load("f32", name, flat([r, c], [rows, columns]), {
      bounds: [
        { index: r, extent: rows },
        { index: c, extent: columns },
      ],
      otherwise: zero,
    });
  const product = b.apply(
    "mul",
    b.load("f32", "xs", flat([ii, kk], [tile, tile])),
    b.load("f32", "ws", flat([kk, jj], [tile, tile])),
  );
  const steps: readonly Stmt[] = [
    b.store("xs", flat([ii, jj], [tile, tile]), fetch("x", row, inTile(at(kt), at(jj)), m, k)),
    b.store("ws", flat([ii, jj], [tile, tile]), fetch("w", inTile(at(kt), at(ii)), column, k, n)),
    ...(barriers.fill ? [b.barrier] : []),
    b.forLoop(kk, [b.assign("acc", b.apply("add", b.name("f64", "acc", []), b.convert("f64", product)))], "unrolled"),
    ...(barriers.use ? [b.barrier] : []),
  ];
  const value = b.apply("max", b.convert("f32", b.name("f64", "acc")), zero);
  const body: readonly Stmt[] = [
    b.variable("acc", b.constant("f64", 0)),
    b.forLoop(kt, steps),
    b.store("y", flat([row, column], [m, n]), value, [
      { index: row, extent: m },
      { index: column, extent: n },
    ]),
  ];
  const buffers = [buffer("read", "x", m * k), buffer("read", "w", k * n), buffer("write", "y", m * n)];
  const shared = (["xs", "ws"] as const).map((name) => ({ name, type: "f32" as const, count: tile * tile }));
  const loops = [["workgroup", wi, wj] as const, ["invocation", ii, jj] as const];
  return kernel("matmul_relu", buffers, [nest(loops, body)], {
    shared,
    schedule: [[{ move: "tile", of: "acc", rows: "i", columns: "j", depth: tile }]],
  });
}

/** total[g] = sum of x[g*size ...], by halving through shared memory. `size` is a power of two. */
export function treeSum(groups: number, size: number, barrierAt: (level: number) => boolean = () => true): Kernel {
  const [g, t] = [loopVar("g", groups), loopVar("t", size)];
  const body: Stmt[] = [b.store("part", at(t), b.load("f32", "x", flat([g, t], [groups, size]))), b.barrier];
  for (let half = size / 2, level = 0; half >= 1; half /= 2, level += 1) {
    const mine = b.load("f32", "part", at(t));
    const other = b.load("f32", "part", addIndex(at(t), constIndex(half)));
    const active = b.apply("lt", at(t), b.constant("i32", half));
    body.push(b.when(active, [b.store("part", at(t), b.apply("add", mine, other))]));
    if (barrierAt(level)) body.push(b.barrier);
  }
  const first = b.apply("eq", at(t), b.constant("i32", 0));
  body.push(b.when(first, [b.store("total", at(g), b.load("f32", "part", constIndex(0)))]));
  const buffers = [buffer("read", "x", groups * size), buffer("write", "total", groups)];
  const shared = [{ name: "part", type: "f32" as const, count: size }];
  return kernel(
    "tree_sum",
    buffers,
    [
      nest(
        [
          ["workgroup", g],
          ["invocation", t],
        ],
        body,
      ),
    ],
    { shared },
  );
}
