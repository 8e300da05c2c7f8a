/**
 * Attributes: the constants of a node. Each op says by a schema what each of its attributes holds, so that binding dimensions,
 * printing and whatever moves axes about work for every op, and so that its rules read them typed.
 */
import type { DType } from "../core/dtype.ts";
import type { NodeNames } from "./node-names.ts";
import type { Dim, Shape } from "./shape.ts";

/** What an attribute may hold, and the type of it. */
interface AttrTypes {
  /** One axis of the first operand. */
  readonly axis: number;
  /** Axes of the first operand, of the second, of the result. */
  readonly axes: readonly number[];
  readonly rightAxes: readonly number[];
  readonly resultAxes: readonly number[];
  /** The shape of the (first) result. */
  readonly shape: Shape;
  /** Other dimensions. `dims`: one for each axis of the first operand. `dim`: one alone. */
  readonly dims: Shape;
  readonly dim: Dim;
  /** A whole number for each axis of the first operand. */
  readonly counts: readonly number[];
  /** Whole numbers, and dimensions, that follow no axes: one for each of some axes that another attribute names. */
  readonly list: readonly number[];
  readonly dimList: Shape;
  /** The dtype of the result. */
  readonly dtype: DType;
  readonly name: string;
  readonly number: number;
  /** Not there, or a number. */
  readonly optionalNumber: number | undefined;
  readonly flag: boolean;
  /** What a loop runs, or a branch. */
  readonly body: Closed;
}

/** A closed graph as an attribute: a `Body`, which stands on all of this language (body.ts). */
export interface Closed {
  /** Equal exactly when the graphs are. */
  readonly key: string;
  /** As `printEntry` prints it. */
  readonly text: string;
  /** The same with names for the nodes in it. */
  print(names: NodeNames | undefined): string;
}

export type AttrKind = keyof AttrTypes;
export type AttrSchema = Readonly<Record<string, AttrKind>>;
export type AttrValue = AttrTypes[AttrKind];
export type Attrs = Readonly<Record<string, AttrValue>>;
export type AttrsOf<S extends AttrSchema> = { readonly [K in keyof S]: AttrTypes[S[K]] };

/** The attributes with every dimension in them put through `bind`: themselves where that changes none. */
export function mapDims(schema: AttrSchema, attrs: Attrs, bind: (dim: Dim) => Dim): Attrs {
  let mapped = attrs;
  for (const name in attrs) {
    const value = attrs[name];
    if (value === undefined || !holdsDims(schema[name])) continue;
    const bound = boundValue(value, bind);
    if (bound !== value) mapped = { ...mapped, [name]: bound };
  }
  return mapped;
}

function holdsDims(kind: AttrKind | undefined): boolean {
  return kind === "shape" || kind === "dims" || kind === "dim" || kind === "dimList";
}

export function isClosed(value: AttrValue | undefined): value is Closed {
  return typeof value === "object" && !Array.isArray(value);
}

function boundValue(value: AttrValue, bind: (dim: Dim) => Dim): AttrValue {
  if (typeof value === "number" || typeof value === "string") return bind(value);
  if (typeof value !== "object" || isClosed(value)) return value;
  const bound = value.map(bind);
  return bound.every((dim, i) => dim === value[i]) ? value : bound;
}

/**
 * The attributes for operands that all have one more axis in front, of this size. Where an attribute has an entry for each axis
 * (`dims`, `counts`), only the op knows what the new axis gets.
 */
export function shiftAxes(schema: AttrSchema, attrs: Attrs, size: Dim): Attrs {
  const shifted: Record<string, AttrValue> = {};
  for (const name in attrs) {
    const value = attrs[name];
    if (value !== undefined) shifted[name] = shiftedValue(schema[name], value, size);
  }
  return shifted;
}

const axisKinds: readonly (AttrKind | undefined)[] = ["axis", "axes", "rightAxes", "resultAxes"];

function shiftedValue(kind: AttrKind | undefined, value: AttrValue, size: Dim): AttrValue {
  if (kind === "shape" && Array.isArray(value)) return [size, ...value];
  if (!axisKinds.includes(kind)) return value;
  if (typeof value === "number") return value + 1;
  return Array.isArray(value) ? value.map((axis) => Number(axis) + 1) : value;
}

/** A canonical spelling: equal exactly when the attributes are (0 and -0 differ, NaN equals itself). */
export function attrsKey(attrs: Attrs): string {
  const names = inOrder(Object.keys(attrs));
  let key = "";
  for (let i = 0; i < names.length; i += 1) {
    const name = names[i] ?? "";
    key += `|${name}=${valueKey(attrs[name])}`;
  }
  return key;
}

/** Sorted by insertion: of a handful, for which the engine's own sort makes lists of its own each time. */
function inOrder(names: string[]): string[] {
  for (let end = 1; end < names.length; end += 1) {
    const name = names[end] ?? "";
    let at = end;
    for (; at > 0 && (names[at - 1] ?? "") > name; at -= 1) names[at] = names[at - 1] ?? "";
    names[at] = name;
  }
  return names;
}

function valueKey(value: AttrValue | undefined): string {
  if (isClosed(value)) return value.key;
  if (typeof value === "object") {
    let key = "[";
    for (let i = 0; i < value.length; i += 1) key += `${valueKey(value[i])},`;
    return `${key}]`;
  }
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  return JSON.stringify(value) ?? "undefined";
}
