/**
 * Shapes and the arithmetic of symbolic dimensions.
 *
 * A dimension is a number, or a linear expression of names that are bound when the program is compiled. An expression is
 * kept as its canonical text ("batch", "2*batch+1", "time-2"), so two dimensions are equal exactly when they are `===`.
 */
import { CompilerBug, ShapeError } from "../core/errors.ts";

/** A size, or the name of one that is bound when the program is compiled: "batch". */
export type Dim = number | string;
/** The size of each axis; a scalar has none. */
export type Shape = readonly Dim[];

/** Dimension name -> its size, given when compiling. */
export type Dims = Readonly<Record<string, number>>;

interface Linear {
  readonly offset: number;
  readonly terms: ReadonlyMap<string, number>;
}

const nameForm = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Checks what a user wrote as a dimension: a whole number >= 0 or an identifier. */
export function checkDim(dim: Dim): Dim {
  if (typeof dim === "number") {
    if (Number.isSafeInteger(dim) && dim >= 0) return dim;
    throw new ShapeError(`a dimension must be a whole number, not ${dim}`);
  }
  if (typeof dim === "string" && nameForm.test(dim)) return dim;
  if (typeof dim !== "string") throw new ShapeError("a dimension must be a whole number or a name");
  throw new ShapeError(`a dimension's name must be letters, digits and _, not ${JSON.stringify(dim)}`);
}

/** A dimension that a tensor can have: one that a user may write, or an expression of names in its canonical spelling. */
export function isDim(dim: unknown): dim is Dim {
  if (typeof dim === "number") return Number.isSafeInteger(dim) && dim >= 0;
  if (typeof dim !== "string") return false;
  const linear = parse(dim);
  return [...linear.terms.keys()].every((name) => nameForm.test(name)) && spell(linear) === dim;
}

function parse(dim: Dim): Linear {
  if (typeof dim === "number") return { offset: dim, terms: new Map() };
  const terms = new Map<string, number>();
  let offset = 0;
  for (const part of dim.replaceAll("-", "+-").split("+")) {
    const [left = "", right] = part.split("*");
    if (right !== undefined) terms.set(right, Number(left));
    else if (nameForm.test(left)) terms.set(left, 1);
    else if (nameForm.test(left.slice(1))) terms.set(left.slice(1), -1);
    else offset += Number(part);
  }
  return { offset, terms };
}

function spell({ offset, terms }: Linear): Dim {
  const kept = [...terms].filter(([, factor]) => factor !== 0).sort(([a], [b]) => (a < b ? -1 : 1));
  if (kept.length === 0) return offset;
  const parts = [...kept.map(([name, factor]) => spellTerm(factor, name)), ...(offset === 0 ? [] : [String(offset)])];
  const [minus, plus] = [true, false].map((isLess) =>
    parts.filter((part) => part.startsWith("-") === isLess).join(isLess ? "" : "+"),
  );
  return `${plus}${minus}`;
}

function spellTerm(factor: number, name: string): string {
  if (factor === 1) return name;
  return factor === -1 ? `-${name}` : `${factor}*${name}`;
}

export function addDims(a: Dim, b: Dim, factor = 1): Dim {
  const [x, y] = [parse(a), parse(b)];
  const terms = new Map(x.terms);
  for (const [name, count] of y.terms) terms.set(name, (terms.get(name) ?? 0) + factor * count);
  return spell({ offset: x.offset + factor * y.offset, terms });
}

/** The product, or null when both are symbolic: it would not be linear. */
export function multiplyDims(a: Dim, b: Dim): Dim | null {
  if (typeof a === "string" && typeof b === "string") return null;
  const [factor, other] = typeof a === "number" ? [a, b] : [Number(b), a];
  const { offset, terms } = parse(other);
  return spell({ offset: offset * factor, terms: new Map([...terms].map(([n, f]) => [n, f * factor])) });
}

/** Elements of a shape; throws where that is not linear in the symbolic dimensions. */
export function elementCount(shape: Shape): Dim {
  let count: Dim = 1;
  for (const dim of shape) {
    const product = multiplyDims(count, dim);
    if (product === null) throw new ShapeError(`the size of ${printShape(shape)} is not linear in its dimensions`);
    count = product;
  }
  return count;
}

/** The dimension names in a shape. */
export function dimNames(shape: Shape): string[] {
  return shape.flatMap((dim) => [...parse(dim).terms.keys()]);
}

export function bindDim(dim: Dim, dims: Dims): number {
  if (typeof dim === "number") return dim;
  const { offset, terms } = parse(dim);
  let size = offset;
  for (const [name, factor] of terms) {
    const value = Object.hasOwn(dims, name) ? dims[name] : undefined;
    if (value === undefined)
      throw new ShapeError(`the dimension "${name}" has no size: compile with dims: { ${name}: … }`);
    size += factor * value;
  }
  return size;
}

/** A shape that is known to be all numbers. */
export function fixedShape(shape: Shape): readonly number[] {
  return isFixed(shape) ? shape : shape.map((dim) => bindDim(dim, {}));
}

function isFixed(shape: Shape): shape is readonly number[] {
  for (let i = 0; i < shape.length; i += 1) if (typeof shape[i] !== "number") return false;
  return true;
}

/** The size of an axis that is known to be there. */
export function dimOf(shape: Shape, axis: number): Dim {
  const dim = shape[axis];
  if (dim === undefined) throw new CompilerBug(`no axis ${axis} in ${printShape(shape)}`);
  return dim;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

export function printShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/** The shape both broadcast to (dimensions equal, or a literal 1), or null. A name never broadcasts, even if bound to 1. */
export function broadcastShapes(a: Shape, b: Shape): Shape | null {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    out.push(x === 1 ? y : x);
  }
  return out;
}

/** Product of a fixed shape. */
export function sizeOf(shape: readonly number[]): number {
  let product = 1;
  for (let axis = 0; axis < shape.length; axis += 1) product *= shape[axis] ?? 1;
  return product;
}

/** Row-major strides of a fixed shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] ?? 1;
  }
  return strides;
}
