/**
 * Events out of the records of a file, by TensorFlow's writer or by PyTorch's, which has older forms of some (`simple_value`,
 * `histo`, `image`).
 */
import { WireType } from "@bufbuild/protobuf/wire";
import { DataError, messageOf } from "../../core/errors.ts";
import { dataTypes } from "./event-writing.ts";
import type { Bucket } from "./histogram.ts";
import { Fields } from "./wire.ts";

/** One record. */
export interface ReadEvent {
  readonly time: number;
  readonly step: number;
  /** "brain.Event:2", in the first record. */
  readonly version?: string;
  /** A GraphDef, as it is. */
  readonly graph?: Uint8Array;
  readonly values: readonly ReadValue[];
}

/** What a record says of one tag. */
export interface ReadValue {
  readonly tag: string;
  /** The plugin that shows it; "" where this event does not say. */
  readonly plugin: string;
  /** What that plugin wants to know besides. */
  readonly content: Uint8Array;
  readonly description: string;
  readonly data: ReadData | null;
}

export type ReadData =
  | { readonly kind: "numbers"; readonly shape: readonly number[]; readonly numbers: readonly number[] }
  | { readonly kind: "texts"; readonly shape: readonly number[]; readonly texts: readonly Uint8Array[] }
  | { readonly kind: "histogram"; readonly buckets: readonly Bucket[] }
  | { readonly kind: "image"; readonly width: number; readonly height: number; readonly png: Uint8Array };

/** A DataError, which begins with `name`, where a record is no event. */
export function readEvent(record: Uint8Array, name: string): ReadEvent {
  try {
    return eventIn(new Fields(record));
  } catch (error) {
    throw new DataError(`${name}: a record is no event: ${messageOf(error)}`, { cause: error });
  }
}

function eventIn(event: Fields): ReadEvent {
  return {
    time: event.double(1),
    step: event.int(2),
    ...(event.has(3) ? { version: event.text(3) } : {}),
    ...(event.has(4) ? { graph: event.raw(4) } : {}),
    values: event.message(5).messages(1).map(valueIn),
  };
}

function valueIn(value: Fields): ReadValue {
  const metadata = value.message(9);
  const plugin = metadata.message(1);
  const about = { plugin: plugin.text(1), content: plugin.raw(2), description: metadata.text(3) };
  return { tag: value.text(1), ...about, data: dataIn(value) };
}

function dataIn(value: Fields): ReadData | null {
  if (value.has(8)) return tensorIn(value.message(8));
  if (value.has(2)) return { kind: "numbers", shape: [], numbers: [value.float(2)] };
  if (value.has(5)) return histogramIn(value.message(5));
  if (!value.has(4)) return null;
  const image = value.message(4);
  return { kind: "image", width: image.int(2), height: image.int(1), png: image.raw(4) };
}

/** PyTorch gives the right edge of each bucket. */
function histogramIn(histogram: Fields): ReadData {
  const [limits, counts] = [histogram.numbers(6, ...doubles), histogram.numbers(7, ...doubles)];
  const left = (i: number): number => limits[i - 1] ?? Math.min(histogram.double(1), limits[0] ?? 0);
  const buckets = counts.map((count, i) => ({ left: left(i), right: limits[i] ?? 0, count }));
  return { kind: "histogram", buckets };
}

type NumberReader = Parameters<Fields["numbers"]> extends [number, ...infer Rest] ? Rest : never;

const floats: NumberReader = [WireType.Bit32, (from) => from.float()];
const doubles: NumberReader = [WireType.Bit64, (from) => from.double()];
const ints: NumberReader = [WireType.Varint, (from) => Number(from.int64())];

/** The DataTypes that are read: the field of their numbers, and how those lie in `tensor_content`, in so many bytes each. */
interface Layout {
  readonly field: number;
  readonly reader: NumberReader;
  readonly size: number;
  readonly at: (view: DataView, place: number) => number;
}

const bytes: Layout = { field: 7, reader: ints, size: 1, at: (view, place) => view.getUint8(place) };

const layouts: Readonly<Record<number, Layout>> = {
  1: { field: 5, reader: floats, size: 4, at: (view, place) => view.getFloat32(place, true) },
  2: { field: 6, reader: doubles, size: 8, at: (view, place) => view.getFloat64(place, true) },
  3: { field: 7, reader: ints, size: 4, at: (view, place) => view.getInt32(place, true) },
  4: bytes,
  9: { field: 10, reader: ints, size: 8, at: (view, place) => Number(view.getBigInt64(place, true)) },
  10: { ...bytes, field: 11 },
};

function tensorIn(tensor: Fields): ReadData {
  const type = tensor.int(1);
  const shape = tensor
    .message(2)
    .messages(2)
    .map((dim) => dim.int(1));
  if (type === dataTypes.string) return { kind: "texts", shape, texts: tensor.raws(8) };
  const layout = layouts[type];
  if (layout === undefined) throw new DataError(`it holds a tensor of type ${type}, which is not read here`);
  const content = tensor.raw(4);
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  const count = Math.floor(content.length / layout.size);
  const stored = Array.from({ length: count }, (_, i) => layout.at(view, i * layout.size));
  return { kind: "numbers", shape, numbers: [...stored, ...tensor.numbers(layout.field, ...layout.reader)] };
}
