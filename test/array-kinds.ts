/**
 * Every kind of array that JavaScript has, given as a feed, a state and a data set: taken or refused, alike on all targets.
 *
 * `wronglyTreated` gives what a target does otherwise than these tables say. No kind may reach a driver unchecked: some
 * views end the process of Dawn in Node.
 */
import { createContext, runInContext } from "node:vm";
import { typeName } from "../src/core/arrays.ts";
import { type DType, heldIn } from "../src/core/dtype.ts";
import { InputSpec } from "../src/dsl/spec.ts";
import { cast, compileOn, dense, FeedError, program, sequential, sgd, slot, trainer, zeros } from "../src/index.ts";
import { arrayTypeOf, type TypedArray } from "../src/runtime/typed-arrays.ts";
import type { TargetSetup } from "../src/target-setup.ts";
import type { TargetOptions } from "../src/targets.ts";

interface Row {
  readonly kind: string;
  readonly value: unknown;
  /** What the refusal says; undefined where it is taken. */
  readonly refused?: RegExp;
}

const ofDType = ["f32", "f16", "bf16", "i32", "u32", "u8", "bool"] as const satisfies readonly DType[];

/** Four numbers that the dtype holds, and no narrower one does. */
const numbersOf: Readonly<Record<DType, readonly number[]>> = {
  f32: [1.25, -2, 3e20, 0],
  f64: [1.25, -2, 3e200, 0],
  f16: [1.25, -2, 65504, 0],
  bf16: [1.25, -2, 2 ** 128 - 2 ** 120, 0],
  i32: [1, -2, 2147483647, 0],
  u32: [1, 2, 4294967295, 0],
  u8: [1, 2, 255, 0],
  bool: [1, 0, 1, 1],
};

const otherRealm = createContext({});

/** The same numbers in memory of every kind. */
function memoryKinds(values: TypedArray): readonly Row[] {
  const Typed = values.constructor as new (buffer: ArrayBufferLike, offset?: number, length?: number) => TypedArray;
  const { byteLength: bytes, BYTES_PER_ELEMENT: width } = values;
  const over = (buffer: ArrayBufferLike, offset = 0, length?: number): TypedArray => {
    const view = new Typed(buffer, offset, length);
    view.set(values);
    return view;
  };
  const elastic = [bytes, { maxByteLength: 4 * bytes }]; // newer than the library that we compile against
  const resizable = (): ArrayBuffer => Reflect.construct(ArrayBuffer, elastic);
  const growable = (): SharedArrayBuffer => Reflect.construct(SharedArrayBuffer, elastic);
  const memory = (shared: boolean) => new WebAssembly.Memory({ initial: 1, maximum: 1, shared }).buffer;
  const foreign: unknown = runInContext(`new ${values.constructor.name}([${values.join()}])`, otherRealm);
  return [
    { kind: "its typed array", value: values },
    { kind: "a part at an offset", value: over(new ArrayBuffer(bytes + 3 * width), width, 4) },
    { kind: "shared memory", value: over(new SharedArrayBuffer(bytes)) },
    { kind: "a part of shared memory", value: over(new SharedArrayBuffer(bytes + 3 * width), width, 4) },
    { kind: "resizable memory", value: over(resizable(), 0, 4) },
    { kind: "resizable memory, followed", value: over(resizable()) },
    { kind: "growable shared memory", value: over(growable(), 0, 4) },
    { kind: "growable shared memory, followed", value: over(growable()) },
    { kind: "memory of WebAssembly", value: over(memory(false), width, 4) },
    { kind: "shared memory of WebAssembly", value: over(memory(true), width, 4) },
    { kind: "of another realm", value: foreign },
  ];
}

/** Typed arrays of all types. */
function typedKinds(): readonly { readonly kind: string; readonly value: ArrayLike<number> }[] {
  const types = [Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float32Array, Float64Array]; // biome-ignore format: one line
  const half: unknown = Reflect.get(globalThis, "Float16Array"); // Node 24 has it, 20 and 22 have not
  const all = typeof half === "function" ? [...types, half as typeof Float32Array] : types;
  return all.map((Typed) => ({ kind: Typed.name, value: Typed.from([1, 0, 1, 1]) }));
}

const words = (name: string): string => `is an? (bare )?${name}`;

/** What no dtype and no data set takes. */
function hopeless(): readonly Row[] {
  const big = [1n, 0n, 1n, 1n];
  return [
    {
      kind: "BigInt64Array",
      value: BigInt64Array.from(big),
      refused: /BigInt64Array/,
    },
    { kind: "BigUint64Array", value: BigUint64Array.from(big), refused: /BigUint64Array/ },
    {
      kind: "DataView",
      value: new DataView(new ArrayBuffer(16)),
      refused: /DataView.*over its memory, new \w+\(buffer/,
    },
    { kind: "ArrayBuffer", value: new ArrayBuffer(16), refused: /ArrayBuffer.*over its memory/ },
    { kind: "SharedArrayBuffer", value: new SharedArrayBuffer(16), refused: /SharedArrayBuffer.*over its memory/ },
    { kind: "a list of BigInt", value: big, refused: /1n|bigint/ },
    { kind: "a list of texts", value: ["1", "0", "1", "1"], refused: /holds 1, which is no number|1 \(string\)/ },
    { kind: "a list with a hole", value: Object.assign(new Array(4), { 0: 1, 1: 0, 3: 1 }), refused: /undefined/ },
    {
      kind: "a list of arrays",
      value: [Float32Array.of(1, 0), Float32Array.of(1, 1)],
      refused: /Float32Array|an array/,
    },
    { kind: "a text", value: "1011", refused: /not shaped like|holds 1011|type String/ },
    { kind: "a BigInt", value: 1n, refused: /not shaped like|type BigInt/ },
    { kind: "a set", value: new Set([1, 0]), refused: /not shaped like|type Set/ },
  ];
}

/** A typed array whose memory was sent away has length 0. */
function transferred(values: TypedArray): Row {
  const gone = values.slice();
  structuredClone(gone.buffer, { transfer: [gone.buffer as ArrayBuffer] });
  return { kind: "transferred memory", value: gone, refused: /has 0 (numbers|weights)|no samples/ };
}

function rowsOf(dtype: DType): readonly Row[] {
  const numbers = numbersOf[dtype];
  const Typed = arrayTypeOf(dtype);
  const values = Typed.from(numbers.map((number) => heldIn(dtype, number))) as TypedArray;
  const aliases = new Set<string>([Typed.name]);
  const also: Row[] = [];
  if (Typed === Uint8Array) {
    also.push(
      { kind: "Buffer", value: Buffer.from(numbers) },
      { kind: "clamped", value: Uint8ClampedArray.from(numbers) },
    );
    aliases.add("Uint8ClampedArray");
  }
  if (dtype === "f16") {
    const half = typedKinds().find(({ kind }) => kind === "Float16Array")?.value;
    const from = half === undefined ? null : (half.constructor as unknown as typeof Float32Array);
    if (from !== null) also.push({ kind: "Float16Array", value: from.from(numbers) });
    aliases.add("Float16Array");
  }
  const others = typedKinds().filter(({ kind }) => !aliases.has(kind));
  return [
    ...memoryKinds(values),
    ...also,
    { kind: "a list", value: numbers },
    { kind: "lists of lists", value: [numbers.slice(0, 2), numbers.slice(2)] },
    ...(dtype === "bool" ? [{ kind: "booleans", value: numbers.map((number) => number === 1) }] : []),
    ...others.map(({ kind, value }) => ({ kind, value, refused: new RegExp(`${words(kind)}; .*takes a `) })),
    { kind: "lists of another shape", value: [[1], [0, 1, 1]], refused: /not shaped like/ },
    transferred(values),
    ...hopeless(),
  ];
}

/** Of each dtype, as a feed (called, and run) and as a state. */
export async function wronglyTreated(target: TargetSetup): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const dtype of ofDType) {
    const made = program({
      inputs: { x: new InputSpec([2, 2], dtype) },
      state: { s: slot(zeros(2, 2), { dtype }) },
      step: ({ x }, { s }) => ({ outputs: { x: cast(x, "f32"), s: cast(s, "f32") } }),
    });
    const executable = await compileOn(made, target, {});
    const numbers = Float32Array.from(numbersOf[dtype]);
    const zero = new (arrayTypeOf(dtype))(4) as TypedArray;
    for (const row of rowsOf(dtype)) {
      const feed = { x: row.value as never };
      await judge(`${dtype} feed`, row, numbers, wrong, async () => {
        (executable.step as (feeds: object) => void)(feed);
        return executable.read("x");
      });
      await judge(`${dtype} feed of run`, row, numbers, wrong, async () => {
        return (await executable.run({ entry: "step", feeds: feed })).x;
      });
      await judge(`${dtype} state`, row, numbers, wrong, async () => {
        executable.state.write("s", zero);
        executable.state.write("s", row.value as never);
        return (await executable.run({ entry: "step", feeds: { x: zero as never } })).s;
      });
      // Behind a call that is not done: with the numbers that it had when it was given.
      const long = { entry: "step", steps: 2, feeds: { x: zero as never } } as const;
      await judge(`${dtype} feed behind a run`, row, numbers, wrong, async () => {
        const before = executable.run(long);
        try {
          (executable.step as (feeds: object) => void)(feed);
          return await whileReversed(row.value, executable.read("x"));
        } finally {
          await before;
        }
      });
      await judge(`${dtype} state behind a run`, row, numbers, wrong, async () => {
        const before = executable.run(long);
        try {
          executable.state.write("s", row.value as never);
          const after = await whileReversed(row.value, executable.run({ entry: "step", feeds: { x: zero as never } }));
          return after.s;
        } finally {
          await before;
        }
      });
    }
    executable.dispose();
  }
  return wrong;
}

async function whileReversed<T>(given: unknown, result: Promise<T>): Promise<T> {
  const list = given as { reverse(): unknown };
  list.reverse();
  const found = await result;
  list.reverse();
  return found;
}

async function judge(
  what: string,
  { kind, refused }: Row,
  numbers: ArrayLike<number>,
  wrong: string[],
  give: () => Promise<unknown>,
): Promise<void> {
  const name = `${what}, ${kind}`;
  try {
    const found = (await give()) as ArrayLike<number>;
    if (refused !== undefined) wrong.push(`${name}: taken`);
    else if (Array.from(found).join() !== Array.from(numbers).join())
      wrong.push(`${name}: became ${Array.from(found)}`);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (!(error instanceof FeedError)) wrong.push(`${name}: ${typeName(error)} ${message}`);
    else if (refused === undefined || !refused.test(message)) wrong.push(`${name}: refused: ${message}`);
  }
}

/** As x, y and weights of a data set. Whatever holds numbers is taken there: they are converted to what the program wants. */
export async function wronglyTreatedData(options: TargetOptions): Promise<readonly string[]> {
  const wrong: string[] = [];
  const net = trainer(sequential([dense(1)]), { input: [1], loss: "meanSquaredError", optimizer: sgd() });
  await net.compile({ ...options, seed: 1, batch: 4 });
  const plain = Float32Array.of(1, 0, 1, 1);
  const lossOf = async (samples: object): Promise<Float32Array> => {
    const { loss } = await net.evaluate({ x: plain, y: plain, scale: 1, ...samples } as never);
    return Float32Array.of((loss as number) + 0);
  };
  const rows: readonly Row[] = [
    ...memoryKinds(plain),
    ...memoryKinds(Uint8Array.from(plain)),
    ...typedKinds(),
    { kind: "Buffer", value: Buffer.from(plain) },
    { kind: "a list", value: [...plain] },
    transferred(plain),
    ...hopeless(),
    { kind: "lists of lists", value: [[1], [0], [1], [1]], refused: /rows\.flat\(\)/ },
  ];
  const weighted = await lossOf({ sampleWeight: plain });
  const expected = await lossOf({});
  for (const row of rows) {
    await judge("x", row, expected, wrong, () => lossOf({ x: row.value }));
    await judge("y", row, expected, wrong, () => lossOf({ y: row.value }));
    await judge("sampleWeight", row, weighted, wrong, () => lossOf({ sampleWeight: row.value }));
  }
  net.dispose();
  return wrong;
}
