/**
 * Nodes of an ONNX graph, one after another. A value is a name with its type; each method adds the node that makes one.
 *
 *   onnx.each("Add", [x, y])     ->     t7 = Add(t3, t5)
 *
 * ONNX's element-wise ops broadcast by themselves. So a value may be stored as less than it stands for (`stored`: a scalar, or axes
 * of 1), and `whole` writes it out where another op reads it. Nothing here knows what our ops mean.
 *
 * onnxruntime computes with neither f16 (on a CPU it goes through f32) nor bf16 (it has no kernels): values of them are held as f32
 * numbers that were rounded.
 */
import { type DType, roundTo } from "../../src/core/dtype.ts";
import {
  type Element,
  elementNumbers,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from "./graph.ts";

/** i64: indexes, counters, and what needs more than 32 bits on the way. */
export type Held = DType | "i64";

export interface OnnxType {
  readonly dtype: Held;
  readonly shape: readonly number[];
}

export interface Value extends OnnxType {
  readonly name: string;
  /** The shape of what the name stands for: `shape`, the same with some axes of 1, or that of a scalar. */
  readonly stored: readonly number[];
}

/** Names of values and nodes: one for a model, so that no two are alike. */
export interface Fresh {
  value(): string;
  node(op: string): string;
}

type Attributes = Readonly<Record<string, OnnxAttribute>>;

/** How a value of the dtype lies in memory inside of a graph. */
export function elementOf(dtype: Held): Element {
  return dtype === "f16" || dtype === "bf16" ? "f32" : dtype;
}

export class Onnx {
  readonly fresh: Fresh;
  readonly nodes: OnnxNode[] = [];
  readonly #known = new Map<string, Value>();

  constructor(fresh: Fresh) {
    this.fresh = fresh;
  }

  /** A node that makes values of these types from what is written out. */
  several(op: string, args: readonly Value[], types: readonly OnnxType[], attributes: Attributes = {}): Value[] {
    const inputs = args.map((arg) => this.whole(arg).name);
    return this.#add(op, inputs, types, attributes);
  }

  one(op: string, args: readonly Value[], type: OnnxType, attributes: Attributes = {}): Value {
    const [made] = this.several(op, args, [type], attributes);
    return made as Value;
  }

  /** An element-wise node of operands of one shape. */
  each(op: string, args: readonly Value[], dtype: Held = args[0]?.dtype ?? "f32", attributes: Attributes = {}): Value {
    const shape = args[0]?.shape ?? [];
    const stored = together(args.map((arg) => arg.stored));
    const [made] = this.#add(
      op,
      args.map(({ name }) => name),
      [{ dtype, shape: stored }],
      attributes,
    );
    return { ...(made as Value), shape };
  }

  #add(op: string, inputs: readonly string[], types: readonly OnnxType[], attributes: Attributes): Value[] {
    const outputs = types.map(() => this.fresh.value());
    this.nodes.push({ op, name: this.fresh.node(op), inputs, outputs, attributes });
    return types.map(({ dtype, shape }, i) => ({ name: outputs[i] ?? "", dtype, shape, stored: shape }));
  }

  /** The node that gives a value this name. */
  named(name: string, value: Value, element: Element = elementOf(value.dtype)): void {
    const inputs = [this.whole(value).name];
    const isHeld = element === elementOf(value.dtype);
    const op = isHeld ? "Identity" : "Cast";
    const attributes: Attributes = isHeld ? {} : { to: elementNumbers[element] };
    this.nodes.push({ op, name: this.fresh.node(op), inputs, outputs: [name], attributes });
  }

  /** All its elements written out. */
  whole(x: Value): Value {
    if (isSame(x.stored, x.shape)) return x;
    return this.#once(`whole ${x.name} ${x.shape}`, () => {
      const inputs = [x.name, this.vector(x.shape).name];
      return this.#add("Expand", inputs, [x], {})[0] as Value;
    });
  }

  #once(key: string, make: () => Value): Value {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#known.set(key, made);
    return made;
  }

  // ---- numbers -----------------------------------------------------------------------------------------------------

  /** A number in every place. */
  constant(dtype: Held, value: number, shape: readonly number[] = []): Value {
    const key = `${dtype} ${Object.is(value, -0) ? "-0" : value}`;
    const made = this.#once(key, () => this.#tensor(dtype, [], bytesOf(dtype, [value])));
    return { ...made, shape };
  }

  like(value: Value, number: number): Value {
    return this.constant(value.dtype, number, value.shape);
  }

  /** Whole numbers as ops take them for shapes and places. */
  vector(values: readonly number[]): Value {
    return this.#once(`[${values}]`, () => this.#tensor("i64", [values.length], bytesOf("i64", values)));
  }

  #tensor(dtype: Held, shape: readonly number[], bytes: Uint8Array): Value {
    const value: OnnxTensor = { element: elementOf(dtype), shape, bytes };
    return this.#add("Constant", [], [{ dtype, shape }], { value })[0] as Value;
  }

  /** 0, 1, 2, ... along an axis. */
  iota(dtype: Held, shape: readonly number[], axis: number): Value {
    const count = shape[axis] ?? 0;
    const [from, to, step] = [0, count, 1].map((value) => this.constant("i64", value));
    if (from === undefined || to === undefined || step === undefined) return this.constant(dtype, 0, shape);
    const row = this.#once(`range ${dtype} ${count}`, () =>
      this.cast(this.one("Range", [from, to, step], { dtype: "i64", shape: [count] }), dtype),
    );
    return this.spread(row, shape, [axis]);
  }

  // ---- element by element ------------------------------------------------------------------------------------------

  /** As ONNX casts, where it says how: between whole numbers that fit, to floats, and from bool. */
  cast(x: Value, dtype: Held): Value {
    if (x.dtype === dtype) return x;
    if (dtype === "f16" || dtype === "bf16") {
      const rounded = this.each("Cast", [x], dtype, { to: elementNumbers[dtype] });
      return this.each("Cast", [rounded], dtype, { to: elementNumbers.f32 });
    }
    if (elementOf(x.dtype) === dtype) return { ...x, dtype };
    return this.each("Cast", [x], dtype, { to: elementNumbers[elementOf(dtype)] });
  }

  compare(op: "Equal" | "Less" | "LessOrEqual" | "Greater" | "GreaterOrEqual", x: Value, y: Value): Value {
    return this.each(op, [x, y], "bool");
  }

  not(x: Value): Value {
    return this.each("Not", [x]);
  }

  select(condition: Value, yes: Value, no: Value): Value {
    if (yes.dtype === "bool") {
      return this.each("Or", [this.each("And", [condition, yes]), this.each("And", [this.not(condition), no])]);
    }
    if (yes.dtype === "u32") {
      return this.cast(this.select(condition, this.cast(yes, "i64"), this.cast(no, "i64")), "u32"); // no kernel for u32
    }
    return this.each("Where", [condition, yes, no], yes.dtype);
  }

  // ---- elsewhere ---------------------------------------------------------------------------------------------------

  reshape(x: Value, shape: readonly number[]): Value {
    if (isSame(x.shape, shape)) return x;
    if (x.stored.length === 0) return { ...x, shape };
    const attributes: Attributes = shape.includes(0) ? { allowzero: 1 } : {};
    return this.one("Reshape", [x, this.vector(shape)], { dtype: x.dtype, shape }, attributes);
  }

  transpose(x: Value, perm: readonly number[]): Value {
    if (perm.every((axis, i) => axis === i)) return x;
    const shape = perm.map((axis) => x.shape[axis] ?? 1);
    if (x.stored.length === 0) return { ...x, shape };
    return this.one("Transpose", [x], { dtype: x.dtype, shape }, { perm });
  }

  /** Axis i of x is axis `axes[i]` of the result, where the sizes are equal or 1 in x. */
  spread(x: Value, shape: readonly number[], axes: readonly number[] = []): Value {
    if (x.stored.length === 0) return { ...x, shape };
    const stored = shape.map((_, axis) => x.stored[axes.indexOf(axis)] ?? 1);
    const plain: Value = { ...x, shape: x.stored };
    return { ...this.reshape(plain, stored), shape };
  }

  slice(x: Value, start: readonly number[], stop: readonly number[], step: readonly number[]): Value {
    const shape = start.map((from, axis) => Math.max(0, Math.ceil(((stop[axis] ?? from) - from) / (step[axis] ?? 1))));
    if (x.stored.length === 0) return { ...x, shape };
    const axes = range(shape.length).filter(
      (axis) => start[axis] !== 0 || step[axis] !== 1 || stop[axis] !== x.shape[axis],
    );
    if (axes.length === 0) return x;
    const along = [start, stop, axes, step].map((values, i) =>
      this.vector(i === 2 ? axes : axes.map((axis) => values[axis] ?? 0)),
    );
    return this.one("Slice", [x, ...along], { dtype: x.dtype, shape });
  }

  flip(x: Value, axes: readonly number[]): Value {
    if (axes.length === 0 || x.stored.length === 0) return x;
    const ends = axes.map((axis) => -(x.shape[axis] ?? 0) - 1);
    const along = [axes.map(() => -1), ends, axes, axes.map(() => -1)].map((values) => this.vector(values));
    return this.one("Slice", [x, ...along], x);
  }

  /** Negative edges cut off; `inner` lie between neighbours. `value` is a scalar. */
  pad(
    x: Value,
    value: Value,
    low: readonly number[],
    high: readonly number[],
    inner: readonly number[] = low.map(() => 0),
  ): Value {
    const apart = inner.reduce((made, gap, axis) => (gap === 0 ? made : this.#parted(made, value, axis, gap)), x);
    const start = low.map((edge) => Math.max(0, -edge));
    const stop = apart.shape.map((extent, axis) => extent - Math.max(0, -(high[axis] ?? 0)));
    const kept = this.slice(
      apart,
      start,
      stop,
      start.map(() => 1),
    );
    const edges = [low, high].map((each) => each.map((edge) => Math.max(0, edge)));
    const [before = [], after = []] = edges;
    const shape = kept.shape.map((extent, axis) => extent + (before[axis] ?? 0) + (after[axis] ?? 0));
    if (edges.every((each) => each.every((edge) => edge === 0))) return kept;
    if (kept.shape.includes(0)) return { ...value, shape };
    return this.one("Pad", [kept, this.vector([...before, ...after]), value], { dtype: x.dtype, shape });
  }

  /** `gap` values between neighbours along an axis: an axis more that is padded, and what follows the last cut off. */
  #parted(x: Value, value: Value, axis: number, gap: number): Value {
    const extent = x.shape[axis] ?? 0;
    if (extent < 2) return x;
    const split = [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)];
    const none = split.map(() => 0);
    const padded = this.pad(this.reshape(x, split), value, none, none.with(axis + 1, gap));
    const joined = this.reshape(padded, x.shape.with(axis, extent * (gap + 1)));
    const stop = joined.shape.with(axis, extent + (extent - 1) * gap);
    return this.slice(
      joined,
      stop.map(() => 0),
      stop,
      stop.map(() => 1),
    );
  }

  concatenate(parts: readonly Value[], axis: number): Value {
    const there = parts.filter(({ shape }) => !shape.includes(0));
    const [first] = there;
    if (first === undefined || there.length === 1) return first ?? parts[0] ?? this.constant("f32", 0);
    const total = there.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
    return this.one("Concat", there, { dtype: first.dtype, shape: first.shape.with(axis, total) }, { axis });
  }

  /** Folds axes by one of ONNX's reductions. */
  reduce(op: string, x: Value, axes: readonly number[]): Value {
    const shape = x.shape.filter((_, axis) => !axes.includes(axis));
    return this.one(op, [x, this.vector(axes)], { dtype: x.dtype, shape }, { keepdims: 0 });
  }

  // ---- graphs inside -----------------------------------------------------------------------------------------------

  /** A graph for an attribute, that gives what `write` makes of its parameters. */
  inside(
    name: string,
    parameters: readonly OnnxType[],
    write: (inner: Onnx, given: readonly Value[]) => readonly Value[],
  ): OnnxGraph {
    const given = parameters.map(({ dtype, shape }): Value => {
      return { name: this.fresh.value(), dtype, shape, stored: shape };
    });
    const inner = new Onnx(this.fresh);
    // a result is a value of this graph, and no two are one
    const outputs = write(inner, given).map((value): Value => {
      const named = { ...value, name: this.fresh.value(), stored: value.shape };
      inner.named(named.name, value);
      return named;
    });
    return { name, nodes: inner.nodes, inputs: given.map(told), outputs: outputs.map(told), initializers: new Map() };
  }
}

function told({ name, dtype, shape }: Value) {
  return { name, element: elementOf(dtype), shape };
}

/** The shape of what element-wise ops make of these. */
function together(shapes: readonly (readonly number[])[]): readonly number[] {
  const longest = shapes.reduce((most, shape) => (shape.length > most.length ? shape : most), []);
  return longest.map((_, axis) => shapes.map((shape) => shape[axis] ?? 1).find((extent) => extent !== 1) ?? 1);
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, axis) => extent === b[axis]);
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function bytesOf(dtype: Held, values: readonly number[]): Uint8Array {
  const width = dtype === "i64" || dtype === "f64" ? 8 : dtype === "u8" || dtype === "bool" ? 1 : 4;
  const view = new DataView(new ArrayBuffer(width * values.length));
  values.forEach((value, i) => {
    const at = i * width;
    if (dtype === "i64") view.setBigInt64(at, BigInt(value), true);
    else if (dtype === "f64") view.setFloat64(at, value, true);
    else if (dtype === "i32") view.setInt32(at, value, true);
    else if (dtype === "u32") view.setUint32(at, value, true);
    else if (width === 1) view.setUint8(at, value);
    else view.setFloat32(at, roundTo(dtype, value), true);
  });
  return new Uint8Array(view.buffer);
}
