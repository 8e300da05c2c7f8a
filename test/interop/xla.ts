/** XLA as a referee: a Python process with jax that runs what we export. JAX_PYTHON names the interpreter. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { HloModule, Place } from "../../codegen/stablehlo/module.ts";
import type { DType } from "../../src/core/dtype.ts";
import { byteWidth, heldIn, valueIn } from "../../src/core/dtype.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import { viewOf } from "../../src/runtime/typed-arrays.ts";

export const python = process.env.JAX_PYTHON ?? "python3";

interface Told {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: string;
}

/** Values of a module's arguments by name; results by name. Numbers are what they mean, in doubles. */
export type Named = ReadonlyMap<string, ArrayLike<number>>;

export class Xla {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #answers: AsyncIterator<string>;

  constructor() {
    const script = fileURLToPath(new URL("./xla_service.py", import.meta.url));
    this.#child = spawn(python, [script], { env: { ...process.env, JAX_PLATFORMS: "cpu" } });
    this.#child.stderr.on("data", () => undefined);
    this.#answers = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Runs a module once. */
  async run({ text, arguments: places, results }: HloModule, given: Named): Promise<Named> {
    const args = places.map((place) => encoded(place, given.get(place.name) ?? []));
    this.#child.stdin.write(`${JSON.stringify({ text, arguments: args })}\n`);
    const { value } = await this.#answers.next();
    const answer = JSON.parse(value ?? '{"error":"XLA ended"}') as { results?: readonly Told[]; error?: string };
    if (answer.results === undefined) throw new Error(answer.error);
    return new Map(answer.results.map((told, i) => [results[i]?.name ?? "", decoded(told)]));
  }

  stop(): void {
    this.#child.kill();
  }
}

function encoded({ dtype, shape }: Place, values: ArrayLike<number>): Told {
  const array = emptyArray(dtype, shape);
  for (let i = 0; i < array.length; i++) array[i] = heldIn(dtype, values[i] ?? Number.NaN);
  return { dtype, shape, data: Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64") };
}

function decoded({ dtype, shape, data }: Told): Float64Array {
  const bytes = Buffer.from(data, "base64");
  const array = emptyArray(dtype, shape);
  new Uint8Array(array.buffer).set(bytes);
  return Float64Array.from(array, (held) => valueIn(dtype, held));
}

function emptyArray(dtype: DType, shape: readonly number[]) {
  const count = sizeOf(shape);
  return viewOf(dtype, new ArrayBuffer(count * byteWidth(dtype)), 0, count);
}
