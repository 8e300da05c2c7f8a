/** Softmax and layer norm along rows, and contractions in blocks, as plain JavaScript: what kernels of `js` are measured against. */
import type { HandWritten } from "./hand-written.ts";
import type { RowsShape } from "./hand-written-rows.ts";
import type { Prepared } from "./protocol.ts";
import { type ContractionWorkload, layerNormEpsilon } from "./workloads.ts";

export function softmaxInJs({ rows, columns }: RowsShape): HandWritten {
  const [x, z] = [new Float32Array(rows * columns), new Float32Array(rows * columns)];
  const run = (): void => {
    for (let at = 0; at < x.length; at += columns) {
      const end = at + columns;
      let most = Number.NEGATIVE_INFINITY;
      for (let i = at; i < end; i++) most = Math.max(most, x[i] as number);
      let total = 0;
      for (let i = at; i < end; i++) {
        const e = Math.exp((x[i] as number) - most);
        z[i] = e;
        total += e;
      }
      for (let i = at; i < end; i++) z[i] = (z[i] as number) / total;
    }
  };
  return { run, x, z };
}

export function layerNormInJs({ rows, columns }: RowsShape): HandWritten {
  const [x, z] = [new Float32Array(rows * columns), new Float32Array(rows * columns)];
  const run = (): void => {
    for (let at = 0; at < x.length; at += columns) {
      const end = at + columns;
      let mean = 0;
      for (let i = at; i < end; i++) mean += x[i] as number;
      mean /= columns;
      let variance = 0;
      for (let i = at; i < end; i++) variance += ((x[i] as number) - mean) ** 2;
      const scale = 1 / Math.sqrt(variance / columns + layerNormEpsilon);
      for (let i = at; i < end; i++) z[i] = ((x[i] as number) - mean) * scale;
    }
  };
  return { run, x, z };
}

/** out[i, j] = sum over k of a[i * a.i + k * a.k] * b[k * b.k + j * b.j] */
export interface StridedContraction {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly a: { readonly i: number; readonly k: number };
  readonly b: { readonly k: number; readonly j: number };
}

type Block = (a: Float32Array, b: Float32Array, out: Float32Array) => void;

/** A 4x4 block in doubles, columns that are left over one by one. Strides stand in the text, so that the engine knows them as in ours. */
export function blockByHand({ m, k, n, a, b }: StridedContraction): Block {
  const four = [0, 1, 2, 3];
  const all = four.flatMap((p) => four.map((q) => [p, q] as const));
  return new Function(
    "a",
    "b",
    "out",
    `for (let i = 0; i < ${m}; i += 4) {
      let j = 0;
      for (; j + 4 <= ${n}; j += 4) {
        let ${all.map(([p, q]) => `s${p}${q} = 0`).join(", ")};
        let at = i * ${a.i}, bt = j * ${b.j};
        for (let k = 0; k < ${k}; k++) {
          const ${four.map((p) => `a${p} = a[at + ${p * a.i}]`).join(", ")};
          const ${four.map((q) => `b${q} = b[bt + ${q * b.j}]`).join(", ")};
          ${all.map(([p, q]) => `s${p}${q} += a${p} * b${q};`).join(" ")}
          at += ${a.k}; bt += ${b.k};
        }
        ${all.map(([p, q]) => `out[(i + ${p}) * ${n} + j + ${q}] = s${p}${q};`).join(" ")}
      }
      for (; j < ${n}; j++) {
        let s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        for (let k = 0; k < ${k}; k++) {
          const at = i * ${a.i} + k * ${a.k}, b0 = b[k * ${b.k} + j * ${b.j}];
          ${four.map((p) => `s${p} += a[at + ${p * a.i}] * b0;`).join(" ")}
        }
        ${four.map((p) => `out[(i + ${p}) * ${n} + j] = s${p};`).join(" ")}
      }
    }`,
  ) as Block;
}

export function contractionInJs({ m, k, n, transposed }: ContractionWorkload, numbers: Float32Array): Prepared {
  const block = blockByHand({
    m,
    k,
    n,
    a: transposed === "left" ? { i: 1, k: m } : { i: k, k: 1 },
    b: transposed === "right" ? { k: 1, j: k } : { k: n, j: 1 },
  });
  const a = numbers.slice(0, m * k);
  const b = numbers.slice(a.length, a.length + k * n);
  const out = new Float32Array(m * n);
  return { run: () => block(a, b, out), result: () => out };
}
