/**
 * What stands in the records of an event file, as TensorFlow's writer has it: an Event with a Summary, whose values are tensors
 * with the name of the plugin that shows them. TensorBoard takes the plugin from the first event of a tag, and shows scalars only
 * where they are float32; every event here has both.
 */
import type { Bucket } from "./histogram.ts";
import type { EncodedImages } from "./image.ts";
import { curveRows, type PrCurve } from "./pr-curve.ts";
import { Message } from "./wire.ts";

/** When and at which step something was written. */
export interface Moment {
  /** Seconds since 1970. */
  readonly time: number;
  readonly step: number;
}

/** The first record of a file. */
export function encodeVersion(time: number): Uint8Array {
  return Message.bytes((event) =>
    event
      .double(1, time)
      .text(3, "brain.Event:2")
      .message(10, (source) => source.text(1, "tensorloom")),
  );
}

/** Numbers in DataType of TensorFlow. */
export const dataTypes = { float: 1, double: 2, string: 7 } as const;

/** A value of a summary: a tensor that a plugin shows. */
interface TensorValue {
  readonly plugin: string;
  readonly dataType: keyof typeof dataTypes;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | readonly (string | Uint8Array)[];
  /** What the plugin wants to know besides. */
  readonly content?: Uint8Array;
  readonly description?: string | undefined;
}

export function encodeValue({ time, step }: Moment, tag: string, value: TensorValue): Uint8Array {
  return Message.bytes((event) => {
    event.double(1, time);
    if (step !== 0) event.int(2, step);
    event.message(5, (summary) =>
      summary.message(1, (part) =>
        part
          .text(1, tag)
          .message(8, (tensor) => writeTensor(tensor, value))
          .message(9, (metadata) => writeMetadata(metadata, value)),
      ),
    );
  });
}

function writeTensor(tensor: Message, { dataType, shape, data }: TensorValue): void {
  tensor.int(1, dataTypes[dataType]).message(2, (sizes) => writeShape(sizes, shape));
  if (ArrayBuffer.isView(data)) tensor.raw(4, littleEndian(data));
  else for (const text of data) tensor.raw(8, typeof text === "string" ? new TextEncoder().encode(text) : text);
}

export function writeShape(sizes: Message, shape: readonly number[]): void {
  for (const size of shape) sizes.message(2, (dim) => (size === 0 ? dim : dim.int(1, size)));
}

function writeMetadata(metadata: Message, { plugin, content, description }: TensorValue): void {
  metadata.message(1, (data) => {
    data.text(1, plugin);
    if (content !== undefined) data.raw(2, content);
  });
  if (description !== undefined) metadata.text(3, description);
}

function littleEndian(data: Float32Array | Float64Array): Uint8Array {
  const bytes = new Uint8Array(data.byteLength);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of data.entries()) {
    if (data.BYTES_PER_ELEMENT === 4) view.setFloat32(4 * i, value, true);
    else view.setFloat64(8 * i, value, true);
  }
  return bytes;
}

export const scalarValue = (value: number, description?: string): TensorValue => ({
  plugin: "scalars",
  dataType: "float",
  shape: [],
  data: Float32Array.of(value),
  description,
});

export const histogramValue = (buckets: readonly Bucket[], description?: string): TensorValue => ({
  plugin: "histograms",
  dataType: "double",
  shape: [buckets.length, 3],
  data: Float64Array.from(buckets.flatMap(({ left, right, count }) => [left, right, count])),
  description,
});

export const imageValue = ({ width, height, pngs }: EncodedImages, description?: string): TensorValue => ({
  plugin: "images",
  dataType: "string",
  shape: [2 + pngs.length],
  data: [String(width), String(height), ...pngs],
  description,
});

export const textValue = (texts: readonly string[], shape: readonly number[], description?: string): TensorValue => ({
  plugin: "text",
  dataType: "string",
  shape,
  data: texts,
  description,
});

export function curveValue(curve: PrCurve, description?: string): TensorValue {
  const thresholds = curve.precision.length;
  return {
    plugin: "pr_curves",
    dataType: "float",
    shape: [curveRows.length, thresholds],
    data: Float32Array.from(curveRows.flatMap((row) => curve[row])),
    content: Message.bytes((data) => data.int(2, thresholds)),
    description,
  };
}

/** The plugin's message is all there is: its tensor is empty. */
export const hparamsValue = (content: Uint8Array): TensorValue => ({
  plugin: "hparams",
  dataType: "float",
  shape: [0],
  data: new Float32Array(),
  content,
});

export function encodeGraphEvent(time: number, graphDef: Uint8Array): Uint8Array {
  return Message.bytes((event) => event.double(1, time).raw(4, graphDef));
}
