/**
 * Numbers as a caller gives them, checked before anything runs: the dtype's typed array, or lists of numbers in the tensor's
 * shape. What would have to be guessed or converted is refused in words.
 */
import { bitsOf, numberIn } from "./short-floats.ts";
import {
  arrays,
  countOf,
  type Entry,
  type Input,
  nameOf,
  type Slot,
  type State,
  typeOf,
  type Values,
} from "./slots.ts";

/** The numbers at a place of the tree of inputs. */
export function inputValues(tree: unknown, slot: Input, { name }: Entry): Values {
  const what = `${name}: the input "${nameOf(slot)}"`;
  let found: unknown = tree;
  for (const part of slot.path) {
    const group = Object(found);
    found = Object.hasOwn(group, part) ? group[part] : undefined;
  }
  if (found === undefined) throw new TypeError(`${what} (${typeOf(slot)}) is missing`);
  const values = checked(found, slot, what);
  const { below = Infinity, ignored } = slot;
  if (below === Infinity) return values;
  const odd = values.findIndex((value) => !(value >= 0 && value < below) && value !== ignored);
  if (odd < 0) return values;
  const also = ignored === undefined ? "" : `, or are ${ignored}`;
  throw new TypeError(`${what} has ${values[odd]} at position ${odd}; labels go from 0 to ${below - 1}${also}`);
}

/** The numbers of a state. */
export function stateValues(given: unknown, slot: State): Values {
  const what = `the state "${nameOf(slot)}"`;
  const values = checked(typeof given === "number" && countOf(slot) === 1 ? [given] : given, slot, what);
  const { range } = slot;
  const odd =
    range === undefined
      ? -1
      : values.findIndex((value) => !(value >= range[0] && value <= range[1] && Math.abs(value) < Infinity));
  if (odd < 0) return values;
  throw new TypeError(`${what} takes finite numbers from ${range?.[0]} to ${range?.[1]}, not ${values[odd]}`);
}

/** What comes back: the number of a scalar, a copy of anything else. */
export function valueIn(view: Values, { dtype, shape }: Slot): Values | number {
  if (shape.length > 0) return view.slice();
  const value = view[0] ?? NaN;
  return dtype === "f16" || dtype === "bf16" ? numberIn(dtype, value) : value;
}

function checked(given: unknown, slot: Slot, what: string): Values {
  const values = ArrayBuffer.isView(given) ? viewed(given, slot, what) : listed(given, slot, what);
  if (values.length !== countOf(slot)) {
    throw new TypeError(`${what} has ${values.length} numbers; ${typeOf(slot)} takes ${countOf(slot)}`);
  }
  if (slot.dtype === "bool" && values.some((value) => value > 1)) throw new TypeError(`${what} is a bool: 0 or 1`);
  return values;
}

function viewed(given: ArrayBufferView, slot: Slot, what: string): Values {
  const { dtype } = slot;
  const array = arrays[dtype];
  const kind = Object.prototype.toString.call(given).slice(8, -1);
  if (kind === array.name) return given as Values;
  const isAlike = kind === "Float16Array" ? dtype === "f16" : kind === "Uint8ClampedArray" && array === Uint8Array;
  if (!isAlike) throw new TypeError(`${what} is a ${kind}; ${typeOf(slot)} takes a ${array.name}`);
  const { buffer, byteOffset, byteLength } = given;
  return new array(buffer as ArrayBuffer, byteOffset, byteLength / array.BYTES_PER_ELEMENT);
}

/** Lists nested as the shape is, or one flat list. */
function listed(given: unknown, slot: Slot, what: string): Values {
  const numbers: number[] = [];
  const collect = (part: unknown, shape: readonly number[]): void => {
    const [extent, ...inner] = shape;
    if (extent === undefined) numbers.push(element(part, slot, what));
    else if (!Array.isArray(part) || part.length !== extent) {
      throw new TypeError(`${what} is not shaped like ${typeOf(slot)}`);
    } else for (const next of part) collect(next, inner);
  };
  const isFlat = Array.isArray(given) && !given.some(Array.isArray);
  collect(given, isFlat ? [given.length] : slot.shape);
  return arrays[slot.dtype].from(numbers);
}

/** As its typed array holds it. */
function element(given: unknown, { dtype }: Slot, what: string): number {
  const value = Number(given);
  if (typeof given !== "number" && typeof given !== "boolean") throw new TypeError(`${what} holds what is no number`);
  if (dtype === "f32" || dtype === "f64") return value;
  if (dtype === "f16" || dtype === "bf16") return bitsOf(dtype, value);
  if (arrays[dtype].of(value)[0] !== value) throw new TypeError(`${what} holds ${value}, which is no ${dtype}`);
  return value;
}
