/**
 * StableHLO text, line by line. A value is a name with its type; each method writes the line that makes one.
 *
 *   hlo.binary("add", x, y)     ->     %7 = stablehlo.add %3, %5 : tensor<4xf32>
 *
 * The words are those of the StableHLO specification (https://openxla.org/stablehlo/spec), in the form that its own printer
 * uses; where that has none for an op with regions, in MLIR's generic form. Nothing here knows what our ops mean.
 */
import { byteWidth, type DType, heldIn, isFloat, isInteger } from "../../src/core/dtype.ts";

export interface Value {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export type HloType = Pick<Value, "dtype" | "shape">;

/** Names of values: one counter for a module, so that no two are alike. */
export interface Fresh {
  next(): string;
}

const elements: Readonly<Record<DType, string>> = {
  f16: "f16",
  bf16: "bf16",
  f32: "f32",
  f64: "f64",
  i32: "i32",
  u32: "ui32",
  u8: "ui8",
  bool: "i1",
};

export function typeText({ dtype, shape }: HloType): string {
  return `tensor<${[...shape, elements[dtype]].join("x")}>`;
}

export type Comparison = "EQ" | "NE" | "LT" | "LE" | "GT" | "GE";

export class Hlo {
  readonly fresh: Fresh;
  readonly #lines: string[] = [];
  readonly #indent: string;
  readonly #constants = new Map<string, Value>();

  constructor(fresh: Fresh, indent: string) {
    this.fresh = fresh;
    this.#indent = indent;
  }

  get text(): string {
    return this.#lines.join("\n");
  }

  /** A line that makes one value. */
  one(type: HloType, right: string): Value {
    const name = this.fresh.next();
    this.#lines.push(`${this.#indent}${name} = ${right}`);
    return { name, dtype: type.dtype, shape: type.shape };
  }

  /** A line that makes several. */
  several(types: readonly HloType[], right: string): readonly Value[] {
    const name = this.fresh.next();
    this.#lines.push(`${this.#indent}${name}${types.length === 1 ? "" : `:${types.length}`} = ${right}`);
    return types.map(({ dtype, shape }, i) => ({ name: types.length === 1 ? name : `${name}#${i}`, dtype, shape }));
  }

  end(keyword: string, values: readonly Value[]): void {
    const types = values.map(typeText).join(", ");
    const given = values.length === 0 ? "" : ` ${namesOf(values)} : ${types}`;
    this.#lines.push(`${this.#indent}${keyword}${given}`);
  }

  /** A region that gives what `write` makes of its parameters. */
  region(parameters: readonly HloType[], write: (inner: Hlo, given: readonly Value[]) => readonly Value[]): string {
    const given = parameters.map(({ dtype, shape }) => ({ name: this.fresh.next(), dtype, shape }));
    const inner = new Hlo(this.fresh, `${this.#indent}  `);
    inner.end("stablehlo.return", write(inner, given));
    const head =
      given.length === 0
        ? ""
        : `${this.#indent}^bb0(${given.map((value) => `${value.name}: ${typeText(value)}`).join(", ")}):\n`;
    return `{\n${head}${inner.text}\n${this.#indent}}`;
  }

  /** A number in every place. Written once for each shape of a function or region. */
  constant(dtype: DType, value: number, shape: readonly number[] = []): Value {
    const type = { dtype, shape };
    const text = `stablehlo.constant dense<${numberText(dtype, value)}> : ${typeText(type)}`;
    const known = this.#constants.get(text);
    if (known !== undefined) return known;
    const made = this.one(type, text);
    this.#constants.set(text, made);
    return made;
  }

  like(value: Value, number: number): Value {
    return this.constant(value.dtype, number, value.shape);
  }

  unary(word: string, x: Value, extra = ""): Value {
    return this.one(x, `stablehlo.${word} ${x.name}${extra} : ${typeText(x)}`);
  }

  binary(word: string, x: Value, y: Value): Value {
    return this.one(x, `stablehlo.${word} ${x.name}, ${y.name} : ${typeText(x)}`);
  }

  compare(direction: Comparison, x: Value, y: Value): Value {
    const kind = isFloat(x.dtype) ? "FLOAT" : x.dtype === "i32" ? "SIGNED" : "UNSIGNED";
    const type = typeText(x);
    const made = { dtype: "bool" as const, shape: x.shape };
    const right = `stablehlo.compare ${direction}, ${x.name}, ${y.name}, ${kind} : (${type}, ${type}) -> ${typeText(made)}`;
    return this.one(made, right);
  }

  select(condition: Value, yes: Value, no: Value): Value {
    const names = namesOf([condition, yes, no]);
    return this.one(yes, `stablehlo.select ${names} : ${typeText(condition)}, ${typeText(yes)}`);
  }

  convert(x: Value, dtype: DType): Value {
    return x.dtype === dtype ? x : this.#changed("convert", x, { dtype, shape: x.shape });
  }

  reshape(x: Value, shape: readonly number[]): Value {
    const same = shape.length === x.shape.length && shape.every((extent, axis) => extent === x.shape[axis]);
    return same ? x : this.#changed("reshape", x, { dtype: x.dtype, shape });
  }

  transpose(x: Value, order: readonly number[]): Value {
    if (order.every((axis, i) => axis === i)) return x;
    const shape = order.map((axis) => x.shape[axis] ?? 1);
    return this.#changed("transpose", x, { dtype: x.dtype, shape }, `, dims = [${order.join(", ")}]`);
  }

  /** Axis i of x is axis `axes[i]` of the result, where the sizes are equal or 1 in x. */
  broadcast(x: Value, shape: readonly number[], axes: readonly number[] = []): Value {
    if (axes.length === shape.length && shape.every((extent, axis) => extent === x.shape[axis])) return x;
    return this.#changed("broadcast_in_dim", x, { dtype: x.dtype, shape }, `, dims = [${axes.join(", ")}]`);
  }

  iota(dtype: DType, shape: readonly number[], axis: number): Value {
    const type = { dtype, shape };
    return this.one(type, `stablehlo.iota dim = ${axis} : ${typeText(type)}`);
  }

  slice(x: Value, start: readonly number[], stop: readonly number[], step: readonly number[]): Value {
    const shape = start.map((from, axis) => Math.max(0, Math.ceil(((stop[axis] ?? from) - from) / (step[axis] ?? 1))));
    const whole = start.every((from, axis) => from === 0 && step[axis] === 1 && stop[axis] === x.shape[axis]);
    if (whole) return x;
    const ranges = start.map((from, axis) => `${from}:${stop[axis]}:${step[axis]}`).join(", ");
    return this.#changed("slice", x, { dtype: x.dtype, shape }, ` [${ranges}]`);
  }

  /** Negative edges cut off; `inner` lie between neighbours. */
  pad(
    x: Value,
    value: Value,
    low: readonly number[],
    high: readonly number[],
    inner: readonly number[] = low.map(() => 0),
  ): Value {
    const shape = x.shape.map((extent, axis) => {
      const gaps = Math.max(0, extent - 1) * (inner[axis] ?? 0);
      return extent + gaps + (low[axis] ?? 0) + (high[axis] ?? 0);
    });
    if ([low, high, inner].every((edges) => edges.every((edge) => edge === 0))) return x;
    const type = { dtype: x.dtype, shape };
    const edges = `low = [${low.join(", ")}], high = [${high.join(", ")}], interior = [${inner.join(", ")}]`;
    return this.one(
      type,
      `stablehlo.pad ${namesOf([x, value])}, ${edges} : (${typesOf([x, value])}) -> ${typeText(type)}`,
    );
  }

  concatenate(parts: readonly Value[], axis: number): Value {
    const [first] = parts;
    if (first === undefined || parts.length === 1) return first ?? this.constant("f32", 0);
    const total = parts.reduce((sum, { shape }) => sum + (shape[axis] ?? 0), 0);
    const type = { dtype: first.dtype, shape: first.shape.map((extent, i) => (i === axis ? total : extent)) };
    return this.one(
      type,
      `stablehlo.concatenate ${namesOf(parts)}, dim = ${axis} : (${typesOf(parts)}) -> ${typeText(type)}`,
    );
  }

  /** The part of this shape that begins at `starts`: a scalar for each axis. */
  dynamicSlice(x: Value, starts: readonly Value[], shape: readonly number[]): Value {
    const type = { dtype: x.dtype, shape };
    const given = [x, ...starts];
    return this.one(
      type,
      `stablehlo.dynamic_slice ${namesOf(given)}, sizes = [${shape.join(", ")}] : (${typesOf(given)}) -> ${typeText(type)}`,
    );
  }

  dynamicUpdate(x: Value, part: Value, starts: readonly Value[]): Value {
    const given = [x, part, ...starts];
    return this.one(x, `stablehlo.dynamic_update_slice ${namesOf(given)} : (${typesOf(given)}) -> ${typeText(x)}`);
  }

  /** Folds axes by an op of two operands. */
  reduce(word: string, x: Value, init: Value, axes: readonly number[]): Value {
    const shape = x.shape.filter((_, axis) => !axes.includes(axis));
    const type = { dtype: x.dtype, shape };
    const how = `applies stablehlo.${word} across dimensions = [${axes.toSorted((a, b) => a - b).join(", ")}]`;
    return this.one(
      type,
      `stablehlo.reduce(${x.name} init: ${init.name}) ${how} : (${typesOf([x, init])}) -> ${typeText(type)}`,
    );
  }

  /** An op in MLIR's generic form. */
  generic(
    word: string,
    args: readonly Value[],
    results: readonly HloType[],
    {
      regions = [],
      attributes = [],
    }: { readonly regions?: readonly string[]; readonly attributes?: readonly string[] },
  ): readonly Value[] {
    const inner = regions.length === 0 ? "" : ` (${regions.join(", ")})`;
    const attrs = attributes.length === 0 ? "" : ` {${attributes.join(", ")}}`;
    const types = `(${typesOf(args)}) -> (${results.map(typeText).join(", ")})`;
    return this.several(results, `"stablehlo.${word}"(${namesOf(args)})${inner}${attrs} : ${types}`);
  }

  call(name: string, args: readonly Value[], type: HloType): Value {
    return this.one(type, `func.call @${name}(${namesOf(args)}) : (${typesOf(args)}) -> ${typeText(type)}`);
  }

  #changed(word: string, x: Value, type: HloType, extra = ""): Value {
    return this.one(type, `stablehlo.${word} ${x.name}${extra} : (${typeText(x)}) -> ${typeText(type)}`);
  }
}

export function namesOf(values: readonly Value[]): string {
  return values.map(({ name }) => name).join(", ");
}

export function typesOf(values: readonly HloType[]): string {
  return values.map(typeText).join(", ");
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

/** Floats by their bits, so that no digit is lost; whole numbers and flags as they are. */
function numberText(dtype: DType, value: number): string {
  if (dtype === "bool") return value === 0 ? "false" : "true";
  if (isInteger(dtype)) return String(value);
  const bits = new DataView(new ArrayBuffer(8));
  if (dtype === "f32") bits.setFloat32(0, value);
  else if (dtype === "f64") bits.setFloat64(0, value);
  else bits.setUint16(0, heldIn(dtype, value));
  const bytes = Array.from({ length: byteWidth(dtype) }, (_, i) => bits.getUint8(i).toString(16).padStart(2, "0"));
  return `0x${bytes.join("").toUpperCase()}`;
}
