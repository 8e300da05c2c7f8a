/** Softmax and layer norm along rows, as plain JavaScript loops: what the row kernels of `js` are measured against. */
import type { HandWritten } from "./hand-written.ts";
import type { RowsShape } from "./hand-written-rows.ts";
import { layerNormEpsilon } from "./workloads.ts";

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
      const deviation = Math.sqrt(variance / columns + layerNormEpsilon);
      for (let i = at; i < end; i++) z[i] = ((x[i] as number) - mean) / deviation;
    }
  };
  return { run, x, z };
}
