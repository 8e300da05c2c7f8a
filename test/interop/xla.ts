/** XLA as a referee: a Python process with jax that runs what we export. JAX_PYTHON names the interpreter. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { HloModule } from "../../codegen/stablehlo/module.ts";
import { decoded, encoded, type Named, type Told } from "./told.ts";

export const python = process.env.JAX_PYTHON ?? "python3";

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
