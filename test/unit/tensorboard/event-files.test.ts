/**
 * Event files: read as TensorFlow and PyTorch wrote them, and written so that TensorFlow's own records come out, byte for byte.
 */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "fast-png";
import { describe, expect, test } from "vitest";
import { Crc32c } from "../../../src/io/tensorboard/crc32c.ts";
import { readEvent } from "../../../src/io/tensorboard/event-reading.ts";
import { encodeValue, histogramValue, imageValue, scalarValue, textValue } from "../../../src/io/tensorboard/event-writing.ts"; // biome-ignore format: names
import { bucketsOf } from "../../../src/io/tensorboard/histogram.ts";
import { encodeExperiment, encodeSessionStart } from "../../../src/io/tensorboard/hparams.ts";
import { prCurveOf } from "../../../src/io/tensorboard/pr-curve.ts";
import { RecordFramer, readRecords } from "../../../src/io/tensorboard/records.ts";
import { Fields } from "../../../src/io/tensorboard/wire.ts";
import { DataError, readEvents } from "../../../src/node.ts";

const folder = join(import.meta.dirname, "../../fixtures/tensorboard");

interface Told {
  readonly at: number;
  readonly length_crc: number;
  readonly data_crc: number;
  readonly event: {
    readonly wall_time: number;
    readonly step?: string;
    readonly graph_def?: string;
    readonly summary?: { readonly value: readonly ToldValue[] };
  };
}

interface ToldValue {
  readonly tag: string;
  readonly simple_value?: number;
  readonly tensor?: { readonly string_val?: readonly string[] };
  readonly histo?: { readonly bucket_limit: readonly number[]; readonly bucket: readonly number[] };
  readonly image?: { readonly width: number; readonly height: number; readonly encoded_image_string: string };
  readonly metadata?: { readonly plugin_data?: { readonly plugin_name: string; readonly content?: string } };
  readonly decoded?: unknown;
}

const pathOf = (run: string): string => join(folder, `${run}.tfevents`);
const bytesOf = (run: string): Uint8Array => new Uint8Array(readFileSync(pathOf(run)));
const told = (run: string): readonly Told[] => JSON.parse(readFileSync(join(folder, `${run}.json`), "utf8"));
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
/** NaN and infinities are texts there. */
const plain = (values: unknown): readonly number[] => [values].flat(Number.POSITIVE_INFINITY).map(Number);

describe.each(["tf", "tf_hparams", "torch"])("%s", (run) => {
  const { records, isCut } = readRecords(bytesOf(run), run);

  test("frames and sums come out as they were", () => {
    expect(isCut).toBe(false);
    const framer = new RecordFramer();
    expect(base64(Buffer.concat(records.map((record) => framer.frame(record))))).toBe(base64(bytesOf(run)));
    const crc = new Crc32c();
    expect(records.map((record) => crc.masked(record))).toEqual(told(run).map(({ data_crc }) => data_crc));
  });

  test("every event is read as its owner decodes it", () => {
    for (const [i, { event }] of told(run).entries()) {
      const found = readEvent(records[i] ?? new Uint8Array(), run);
      expect(found.time).toBe(event.wall_time);
      expect(found.step).toBe(Number(event.step ?? 0));
      if (event.graph_def !== undefined) expect(base64(found.graph ?? new Uint8Array())).toBe(event.graph_def);
      const values = event.summary?.value ?? [];
      expect(found.values.map(({ tag }) => tag)).toEqual(values.map(({ tag }) => tag));
      for (const [j, value] of values.entries()) {
        const { data, plugin, content } = found.values[j] ?? {};
        expect(plugin).toBe(value.metadata?.plugin_data?.plugin_name ?? "");
        expect(base64(content ?? new Uint8Array())).toBe(value.metadata?.plugin_data?.content ?? "");
        if (data?.kind === "numbers") {
          const wanted = plain(value.decoded ?? value.simple_value);
          expect(data.numbers).toEqual(value.decoded === undefined ? [Math.fround(wanted[0] ?? 0)] : wanted);
        }
        if (data?.kind === "texts") expect(data.texts.map(base64)).toEqual(value.tensor?.string_val);
        if (data?.kind === "image") expect(base64(data.png)).toBe(value.image?.encoded_image_string);
        if (data?.kind === "histogram") {
          expect(data.buckets.map(({ count }) => count)).toEqual(value.histo?.bucket);
          expect(data.buckets.map(({ right }) => right)).toEqual(value.histo?.bucket_limit);
        }
        expect(data).toBeDefined();
      }
    }
  });
});

test("a log by tag, whoever wrote it", async () => {
  const tf = await readEvents(pathOf("tf"));
  expect([...tf.scalars.keys(), ...tf.histograms.keys(), ...tf.images.keys(), ...tf.texts.keys()]).toEqual([
    "loss", "special", "spread", "constant", "nothing", "few buckets", "picture", "note", "table",
  ]); // biome-ignore format: names
  expect(tf.scalars.get("special")?.map(({ step, value }) => [step, value])).toEqual([[0, Number.NaN], [2 ** 40, Infinity]]); // biome-ignore format: short
  expect(tf.texts.get("table")?.[0]?.value).toEqual({ shape: [2, 2], texts: ["a", "b", "c", "d"] });
  expect(tf.graphs).toHaveLength(1);
  const torch = await readEvents(pathOf("torch"));
  expect(torch.scalars.get("loss")?.map(({ step }) => step)).toEqual([0, 1, 2]);
  const [picture, same] = [tf, torch].map(({ images }) => images.get("picture")?.[0]?.value);
  expect(decode(picture?.pngs[0] ?? new Uint8Array()).data).toEqual(decode(same?.pngs[0] ?? new Uint8Array()).data);
  expect((await readEvents(pathOf("tf_hparams"))).hparams).toEqual({ lr: 0.01, kind: "adam", flag: true });
});

describe("written as TensorFlow writes", () => {
  const { records } = readRecords(bytesOf("tf"), "tf");
  const events = records.map((record) => readEvent(record, "tf"));
  const of = (tag: string) => {
    const at = events.findIndex(({ values }) => values[0]?.tag === tag);
    const event = events[at];
    if (event === undefined) throw new Error(`the fixture has no ${tag}`);
    return { record: records[at] ?? new Uint8Array(), moment: { time: event.time, step: event.step }, event };
  };
  const values = events.flatMap(({ values: [value] }) => (value?.tag === "loss" && value.data?.kind === "numbers" ? value.data.numbers : [])); // biome-ignore format: short

  test("scalars, with and without a description; NaN", () => {
    expect(base64(encodeValue(of("loss").moment, "loss", scalarValue(values[0] ?? 0, "training **loss**")))).toBe(base64(of("loss").record)); // biome-ignore format: short
    expect(base64(encodeValue(of("special").moment, "special", scalarValue(Number.NaN)))).toBe(base64(of("special").record)); // biome-ignore format: short
  });

  test("texts and tables", () => {
    expect(base64(encodeValue(of("note").moment, "note", textValue(["hello *x*"], [])))).toBe(base64(of("note").record)); // biome-ignore format: short
    expect(base64(encodeValue(of("table").moment, "table", textValue(["a", "b", "c", "d"], [2, 2])))).toBe(base64(of("table").record)); // biome-ignore format: short
  });

  test("an image", () => {
    const data = of("picture").event.values[0]?.data;
    const [, , png = new Uint8Array()] = data?.kind === "texts" ? data.texts : [];
    const images = { width: 5, height: 4, channels: 3, pngs: [png] };
    expect(base64(encodeValue(of("picture").moment, "picture", imageValue(images)))).toBe(base64(of("picture").record)); // biome-ignore format: short
  });

  test("histograms of one value and of none", () => {
    const constant = histogramValue(bucketsOf(new Float32Array(5).fill(2), 30));
    expect(base64(encodeValue(of("constant").moment, "constant", constant))).toBe(base64(of("constant").record));
    const nothing = histogramValue(bucketsOf([], 30));
    expect(base64(encodeValue(of("nothing").moment, "nothing", nothing))).toBe(base64(of("nothing").record));
  });

  test("hyper-parameters of a run and of the table", () => {
    const { records: hparams } = readRecords(bytesOf("tf_hparams"), "tf_hparams");
    const contents = hparams.map((record) => readEvent(record, "tf_hparams").values[0]?.content ?? new Uint8Array());
    const theirs = new Fields(contents[2] ?? new Uint8Array()).message(3);
    const ours = new Fields(encodeSessionStart({ lr: 0.01, kind: "adam", flag: true }, theirs.double(5))).message(3);
    expect(ours.double(5)).toBe(theirs.double(5));
    expect(ours.text(4)).toMatch(/^[0-9a-f]{64}$/);
    const members = (of: Fields) => of.raws(1).map(base64).sort();
    expect(members(ours)).toEqual(members(theirs));
    // the fixture's parameters have domains besides
    const experiment = new Fields(encodeExperiment({ lr: 0.01, kind: "adam" }, ["acc"])).message(2);
    const wanted = new Fields(contents[1] ?? new Uint8Array()).message(2);
    expect(experiment.raws(5).map(base64)).toEqual(wanted.raws(5).map(base64));
    const columns = (of: Fields) => of.messages(4).map((info) => [info.text(1), info.int(4)]);
    expect(columns(experiment)).toEqual(columns(wanted));
  });
});

test("buckets hold the values that TensorFlow's hold", () => {
  const spread = [0.5, -1, 3, 0.25, 3, Number.NaN, Number.POSITIVE_INFINITY];
  expect(bucketsOf(spread, 4)).toEqual([
    { left: -1, right: 0, count: 1 },
    { left: 0, right: 1, count: 2 },
    { left: 1, right: 2, count: 0 },
    { left: 2, right: 3, count: 2 },
  ]);
  const wide = bucketsOf(Float64Array.of(-1.7e308, 1.7e308), 2);
  expect(wide.map(({ count }) => count)).toEqual([1, 1]);
  // 1e308 lies further from the least than numbers go
  const inside = bucketsOf(Float64Array.of(-1.7e308, 1e308, 1.7e308), 8);
  expect(inside.map(({ count }) => count)).toEqual([1, 0, 0, 0, 0, 0, 1, 1]);
  expect(wide.every(({ left, right }) => Number.isFinite(left) && Number.isFinite(right))).toBe(true);
});

test("a PR curve is PyTorch's", async () => {
  const { prCurves } = await readEvents(pathOf("torch"));
  const curve = prCurveOf([1, 0, 1, 0], [0.9, 0.4, 0.6, 0.2], undefined, 5);
  const wanted = prCurves.get("pr")?.[0]?.value;
  for (const [name, row] of Object.entries(curve)) {
    expect(row.map(Math.fround), name).toEqual(wanted?.[name as keyof typeof curve]);
  }
  expect(prCurveOf([1, 0], [1, 0], [0.5, 2], 3).truePositives).toEqual([0.5, 0.5, 0.5]);
});

describe("damage", () => {
  const bytes = bytesOf("tf");
  const [, second] = told("tf");
  const start = second?.at ?? 0;
  const kept = (name: string, changed: Uint8Array): string => {
    const path = join(mkdtempSync(join(tmpdir(), "tensorloom-events-")), name);
    writeFileSync(path, changed);
    return path;
  };

  test("a file that ends in a record is read as far as it goes", async () => {
    for (const end of [start + 3, start + 12, start + 40]) {
      const log = await readEvents(kept("cut.tfevents", bytes.subarray(0, end)));
      expect([log.isCut, log.scalars.size]).toEqual([true, 0]);
    }
    const empty = await readEvents(kept("empty.tfevents", new Uint8Array()));
    expect([empty.isCut, empty.scalars.size]).toEqual([false, 0]);
  });

  test("a changed bit is told, with its place", async () => {
    const changed = (at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
    await expect(readEvents(kept("a.tfevents", changed(start + 20)))).rejects.toThrow(/a\.tfevents: the record at byte 78 has a wrong checksum/); // biome-ignore format: short
    await expect(readEvents(kept("b.tfevents", changed(start + 1)))).rejects.toThrow(/the length of the record at byte 78 .* damaged from there on/); // biome-ignore format: short
    await expect(readEvents(kept("c.tfevents", new TextEncoder().encode("epoch,loss\n1,0.5\n")))).rejects.toThrow(/c\.tfevents: .*this is no event file/); // biome-ignore format: short
  });

  test("a record that is no event, a folder without event files, and nothing at all", async () => {
    const odd = new RecordFramer().frame(Uint8Array.of(0x2a, 0x7f, 1));
    await expect(readEvents(kept("odd.tfevents", odd))).rejects.toThrow(/odd\.tfevents: a record is no event/);
    await expect(readEvents(mkdtempSync(join(tmpdir(), "tensorloom-none-")))).rejects.toThrow(/there are no event files in this folder/); // biome-ignore format: short
    await expect(readEvents("/no/such/file")).rejects.toBeInstanceOf(DataError);
  });
});
