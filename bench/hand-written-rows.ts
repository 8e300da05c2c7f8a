/**
 * Softmax and layer norm along rows, written by hand with the wasm encoder in vectors of four: what the compiler's row
 * kernels are measured against. Columns must be a multiple of sixteen.
 */
import type { FunctionWriter } from "../codegen/wasm/function.ts";
import type { Local } from "../codegen/wasm/refs.ts";
import { blockBytes, build, type HandWritten, loopWhile, vectorBytes, wide } from "./hand-written.ts";
import { layerNormEpsilon } from "./workloads.ts";

export interface RowsShape {
  readonly rows: number;
  readonly columns: number;
}

/** Writes one function over the rows of a matrix. */
class RowWriter {
  readonly #f: FunctionWriter;
  readonly #bytes: number;
  readonly #row: Local;
  readonly #at: Local;
  readonly #end: Local;

  constructor(f: FunctionWriter, { rows, columns }: RowsShape) {
    this.#f = f;
    this.#bytes = columns * 4;
    this.#row = f.local("i32");
    this.#at = f.local("i32");
    this.#end = f.local("i32");
    this.#total = rows * columns * 4;
  }

  readonly #total: number;

  rows(body: () => void): void {
    const f = this.#f;
    loopWhile(f, this.#row, this.#bytes, () => f.constI32(this.#total), body);
  }

  /** Along a row, four vectors at a time; `body` is written for each. */
  along(body: (i: number) => void): void {
    const f = this.#f;
    f.get(this.#row);
    f.tee(this.#at);
    f.constI32(this.#bytes);
    f.op("i32.add");
    f.set(this.#end);
    loopWhile(
      f,
      this.#at,
      blockBytes,
      () => f.get(this.#end),
      () => {
        for (const i of wide) body(i);
      },
    );
  }

  /** Pushes vector i of the operand. */
  load(i: number): void {
    this.#f.get(this.#at);
    this.#f.memory("v128.load", i * vectorBytes);
  }

  /** Pushes vector i of the result. */
  loadResult(i: number): void {
    this.#f.get(this.#at);
    this.#f.memory("v128.load", this.#total + i * vectorBytes);
  }

  /** Stores what `value` pushes as vector i of the result. */
  store(i: number, value: () => void): void {
    this.#f.get(this.#at);
    value();
    this.#f.memory("v128.store", this.#total + i * vectorBytes);
  }

  /** Four vectors and, in each, four lanes become one number, splat over `into`. */
  combine(parts: readonly Local[], name: "max" | "add", into: Local): void {
    const f = this.#f;
    parts.forEach((part, i) => {
      f.get(part);
      if (i > 0) f.op(`f32x4.${name}`);
    });
    f.set(into);
    for (const lane of [0, 1, 2, 3]) {
      f.get(into);
      f.lane("f32x4.extract_lane", lane);
      if (lane > 0) f.op(`f32.${name}`);
    }
    f.op("f32x4.splat");
    f.set(into);
  }

  fill(locals: readonly Local[], value: number): void {
    for (const local of locals) {
      this.#f.constF32(value);
      this.#f.op("f32x4.splat");
      this.#f.set(local);
    }
  }
}

/** 1 / ln 2, ln 2 in two parts (the first exact in 16 bits), and the coefficients of e^r on |r| <= ln(2) / 2, as Cephes has them. */
const exponent = {
  perOctave: Math.LOG2E,
  high: 0.693359375,
  low: -2.12194440054e-4,
  terms: [1.987569150001e-4, 1.398199950001e-3, 8.33345190007e-3, 4.1665795894e-2, 0.16666665459, 0.5],
} as const;

/** e^x of the vector on the stack, for x from -87 to 0. */
class Exponential {
  readonly #f: FunctionWriter;
  readonly #relaxed: boolean;
  readonly #n: Local;
  readonly #r: Local;
  readonly #constants: ReadonlyMap<number, Local>;

  constructor(f: FunctionWriter, relaxed: boolean) {
    this.#f = f;
    this.#relaxed = relaxed;
    this.#n = f.local("v128");
    this.#r = f.local("v128");
    const { perOctave, high, low, terms } = exponent;
    this.#constants = new Map([perOctave, -high, -low, ...terms, 1].map((value) => [value, f.local("v128")]));
    for (const [value, local] of this.#constants) {
      f.constF32(value);
      f.op("f32x4.splat");
      f.set(local);
    }
  }

  write(): void {
    const f = this.#f;
    const { perOctave, high, low, terms } = exponent;
    f.tee(this.#r);
    this.#constant(perOctave);
    f.op("f32x4.mul");
    f.op("f32x4.nearest");
    f.set(this.#n);
    f.get(this.#n);
    this.#constant(-high);
    f.get(this.#r);
    this.#multiplyAdd();
    f.set(this.#r);
    f.get(this.#n);
    this.#constant(-low);
    f.get(this.#r);
    this.#multiplyAdd();
    f.set(this.#r);
    this.#constant(terms[0]);
    for (const term of [...terms.slice(1), 1, 1]) {
      f.get(this.#r);
      this.#constant(term);
      this.#multiplyAdd();
    }
    f.get(this.#n); // times 2^n: n is added to the exponent's bits
    f.op("i32x4.trunc_sat_f32x4_s");
    f.constI32(23);
    f.op("i32x4.shl");
    f.op("i32x4.add");
  }

  #constant(value: number): void {
    const local = this.#constants.get(value);
    if (local !== undefined) this.#f.get(local);
  }

  /** a, b, c on the stack become a * b + c. */
  #multiplyAdd(): void {
    if (this.#relaxed) {
      this.#f.op("f32x4.relaxed_madd");
      return;
    }
    const c = this.#f.local("v128");
    this.#f.set(c);
    this.#f.op("f32x4.mul");
    this.#f.get(c);
    this.#f.op("f32x4.add");
    this.#f.release(c);
  }
}

export function softmaxByHand(shape: RowsShape, relaxed: boolean): Promise<HandWritten> {
  return build(shape.rows * shape.columns, (f) => {
    const row = new RowWriter(f, shape);
    const exponential = new Exponential(f, relaxed);
    const parts = wide.map(() => f.local("v128"));
    const all = f.local("v128");
    row.rows(() => {
      row.fill(parts, Number.NEGATIVE_INFINITY);
      row.along((i) => accumulate(f, parts[i], "max", () => row.load(i)));
      row.combine(parts, "max", all);
      row.fill(parts, 0);
      row.along((i) => {
        row.store(i, () => {
          row.load(i);
          f.get(all);
          f.op("f32x4.sub");
          exponential.write();
        });
        accumulate(f, parts[i], "add", () => row.loadResult(i));
      });
      row.combine(parts, "add", all);
      reciprocal(f, all);
      row.along((i) => {
        row.store(i, () => {
          row.loadResult(i);
          f.get(all);
          f.op("f32x4.mul");
        });
      });
    });
  });
}

export function layerNormByHand(shape: RowsShape): Promise<HandWritten> {
  return build(shape.rows * shape.columns, (f) => {
    const row = new RowWriter(f, shape);
    const parts = wide.map(() => f.local("v128"));
    const [mean, scale, distance] = [f.local("v128"), f.local("v128"), f.local("v128")];
    const share = (of: Local): void => {
      f.get(of);
      f.constF32(1 / shape.columns);
      f.op("f32x4.splat");
      f.op("f32x4.mul");
    };
    row.rows(() => {
      row.fill(parts, 0);
      row.along((i) => accumulate(f, parts[i], "add", () => row.load(i)));
      row.combine(parts, "add", mean);
      share(mean);
      f.set(mean);
      row.fill(parts, 0);
      row.along((i) => {
        row.load(i);
        f.get(mean);
        f.op("f32x4.sub");
        f.set(distance);
        accumulate(f, parts[i], "add", () => {
          f.get(distance);
          f.get(distance);
          f.op("f32x4.mul");
        });
      });
      row.combine(parts, "add", scale);
      share(scale);
      f.constF32(layerNormEpsilon);
      f.op("f32x4.splat");
      f.op("f32x4.add");
      f.op("f32x4.sqrt");
      f.set(scale);
      reciprocal(f, scale);
      row.along((i) => {
        row.store(i, () => {
          row.load(i);
          f.get(mean);
          f.op("f32x4.sub");
          f.get(scale);
          f.op("f32x4.mul");
        });
      });
    });
  });
}

function accumulate(f: FunctionWriter, into: Local | undefined, name: "max" | "add", value: () => void): void {
  if (into === undefined) return;
  f.get(into);
  value();
  f.op(`f32x4.${name}`);
  f.set(into);
}

function reciprocal(f: FunctionWriter, of: Local): void {
  f.constF32(1);
  f.op("f32x4.splat");
  f.get(of);
  f.op("f32x4.div");
  f.set(of);
}
