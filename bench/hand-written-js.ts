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

/** A block of 4x4 sums in doubles, for sizes that it divides. Strides stand in the text, so that the engine knows them as in ours. */
export function blockSource({ m, k, n, transposed }: ContractionWorkload): string {
  const [row, depth] = transposed === "left" ? [1, m] : [k, 1];
  const [below, column] = transposed === "right" ? [1, k] : [n, 1];
  const four = [0, 1, 2, 3];
  const all = four.flatMap((p) => four.map((q) => [p, q] as const));
  return `for (let i = 0; i < ${m}; i += 4) {
    for (let j = 0; j < ${n}; j += 4) {
      let ${all.map(([p, q]) => `s${p}${q} = 0`).join(", ")};
      let at = i * ${row}, bt = j * ${column};
      for (let k = 0; k < ${k}; k++) {
        const ${four.map((p) => `a${p} = a[at + ${p * row}]`).join(", ")};
        const ${four.map((q) => `b${q} = b[bt + ${q * column}]`).join(", ")};
        ${all.map(([p, q]) => `s${p}${q} += a${p} * b${q};`).join(" ")}
        at += ${depth}; bt += ${below};
      }
      ${all.map(([p, q]) => `out[(i + ${p}) * ${n} + j + ${q}] = s${p}${q};`).join(" ")}
    }
  }`;
}

export function contractionInJs(of: ContractionWorkload, numbers: Float32Array): Prepared {
  const block = new Function("a", "b", "out", blockSource(of)) as (...operands: readonly Float32Array[]) => void;
  const a = numbers.slice(0, of.m * of.k);
  const b = numbers.slice(a.length, a.length + of.k * of.n);
  const out = new Float32Array(of.m * of.n);
  return { run: () => block(a, b, out), result: () => out };
}
