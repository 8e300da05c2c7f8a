/** States as the bytes of a safetensors file, and back: a header in JSON, its length before it, then the tensors. */
import { arrays, nameOf, type Slot, type State, typeOf, type Values } from "./slots.ts";
import { stateValues } from "./values.ts";

export function encode(slots: readonly Slot[], values: readonly Values[]): Uint8Array {
  // Wide elements first, so that all lie aligned.
  const order = slots.map((slot, i) => ({ slot, data: values[i] ?? new Uint8Array() }));
  order.sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  let end = 0;
  const header = order.map(({ slot, data }) => {
    const data_offsets = [end, end + data.byteLength];
    end += data.byteLength;
    const about = { dtype: slot.dtype.toUpperCase(), shape: slot.shape, data_offsets };
    return `${JSON.stringify(nameOf(slot))}:${JSON.stringify(about)}`;
  });
  const text = new TextEncoder().encode(`{${header}}`);
  const start = 8 + 8 * Math.ceil(text.length / 8);
  const bytes = new Uint8Array(start + end).fill(32, 8, start);
  new DataView(bytes.buffer).setUint32(0, start - 8, true);
  bytes.set(text, 8);
  let at = start;
  for (const { data } of order) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/** The values of these states; what else the file holds is left alone. */
export function decode(file: Uint8Array | ArrayBuffer, slots: readonly State[]): readonly Values[] {
  const bytes = new Uint8Array(file).slice(); // of its own, and aligned
  const start = bytes.length < 8 ? NaN : 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  let header: Readonly<
    Record<string, { readonly dtype?: unknown; readonly shape?: unknown; readonly data_offsets?: readonly number[] }>
  >;
  try {
    if (!(start <= bytes.length)) throw new RangeError("it is too short");
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  } catch (error) {
    throw new TypeError(`this is no whole safetensors file: ${error}`);
  }
  return slots.map((slot) => {
    const name = nameOf(slot);
    const {
      dtype,
      shape,
      data_offsets: [from = NaN, to = NaN] = [],
    } = (Object.hasOwn(header, name) && header[name]) || {};
    if (dtype !== slot.dtype.toUpperCase() || String(shape) !== String(slot.shape)) {
      const found = dtype === undefined ? "is not there" : `is ${dtype}[${shape}]`;
      throw new TypeError(`the file does not fit: the state "${name}" is ${typeOf(slot)}, and in the file it ${found}`);
    }
    const data = bytes.slice(start + from, start + to);
    if (!(from >= 0 && to - from === data.length)) throw new TypeError(`the file ends within the state "${name}"`);
    const array = arrays[slot.dtype];
    if (data.length % array.BYTES_PER_ELEMENT !== 0) throw new TypeError(`the file is damaged at the state "${name}"`);
    return stateValues(new array(data.buffer, 0, data.length / array.BYTES_PER_ELEMENT), slot);
  });
}
