/**
 * Runs printed C where there is a compiler: a program for each entry, a process for each call. States are here, and go
 * through the process.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { printSteps } from "../../../codegen/c/program.ts";
import { type CArtifact, c } from "../../../codegen/c/target.ts";
import { alone, launchSteps } from "../../../src/program/artifact.ts";
import type { BufferSlot, Segment } from "../../../src/program/buffer.ts";
import type { CompiledEntry } from "../../../src/program/compiled.ts";
import type { Machine, MachineOptions, Runner } from "../../../src/runtime/machine.ts";
import { type TypedArray, viewOf } from "../../../src/runtime/typed-arrays.ts";
import { setupOf, type TargetSetup } from "../../../src/target-setup.ts";

/** The first line of `cc --version`; undefined where there is none. */
export function findCompiler(): string | undefined {
  const { status, stdout } = spawnSync("cc", ["--version"], { encoding: "utf8" });
  return status === 0 ? stdout.split("\n")[0] : undefined;
}

const setup = (optimize: "-O0" | "-O2"): TargetSetup =>
  setupOf(c, {
    facts: null,
    machine: async (stateBytes, options) => new CMachine(stateBytes, options, optimize),
  });

export const cTarget: TargetSetup = setup("-O2");
/** For much code that runs once: as optimized code it takes cc four times as long. */
export const cTargetUnoptimized: TargetSetup = setup("-O0");

export const flags = ["-std=c99", "-fwrapv", "-ffp-contract=off", "-fno-strict-aliasing"];

/** Segments in the order in which they are read and written: the arena is neither. */
const segments = ["state", "input", "output", "held", "arena"] as const;

/** An entry as a program: it reads states and inputs, runs the steps, and writes states and outputs. */
export function wholeProgram({ artifact, segmentBytes: bytes }: CompiledEntry<CArtifact>): string {
  const memory = { segment: (name: string) => `${name}_memory`, kernel: (i: number) => i };
  const moved = (call: "fread" | "fwrite", names: readonly Segment[], stream: string) =>
    names.map((name) => `  if (${call}(${name}_memory, 1, ${bytes[name]}, ${stream}) != ${bytes[name]}) return 1;`);
  return [
    artifact.source,
    // One byte more: C has no arrays without elements.
    ...segments.map((name) => `static uint8_t ${name}_memory[${bytes[name] + 1}] __attribute__((aligned(64)));`),
    "int main(void) {",
    ...moved("fread", ["state", "input"], "stdin"),
    `  memset(arena_memory, 0xff, ${bytes.arena});`,
    ...printSteps(artifact.steps, memory).map((line) => `  ${line}`),
    ...moved("fwrite", ["state", "output"], "stdout"),
    "  return 0;",
    "}",
    "",
  ].join("\n");
}

class CMachine implements Machine<CArtifact> {
  readonly device = "cc";
  readonly crew = alone;
  readonly runsAhead = false;
  readonly #folder = mkdtempSync(join(tmpdir(), "tensorloom-c-"));
  readonly #options: MachineOptions;
  readonly #optimize: string;
  readonly #state: Uint8Array<ArrayBuffer>;
  #entries = 0;

  constructor(stateBytes: number, options: MachineOptions, optimize: string) {
    this.#state = new Uint8Array(stateBytes);
    this.#options = options;
    this.#optimize = optimize;
  }

  async prepare(entry: CompiledEntry<CArtifact>): Promise<Runner> {
    const { artifact, inputs, segmentBytes } = entry;
    const binary = join(this.#folder, `entry${this.#entries++}`);
    writeFileSync(`${binary}.c`, wholeProgram(entry));
    execFileSync("cc", [...flags, this.#optimize, "-o", binary, `${binary}.c`, "-lm"]);
    const state = this.#state;
    const given = new Uint8Array(segmentBytes.input);
    let output = new Uint8Array(segmentBytes.output);
    return {
      feed(input, values) {
        const slot = inputs[input]?.buffer;
        if (slot !== undefined) viewOf(slot.dtype, given.buffer, slot.offset, slot.count).set(values);
      },
      run: () => {
        const sent = Buffer.concat([state, given]);
        const maxBuffer = state.length + output.length + 1;
        const { stdout, status, signal } = spawnSync(binary, { input: sent, maxBuffer });
        if (status !== 0) throw new Error(`the program ended with ${status ?? signal}`);
        state.set(stdout.subarray(0, state.length));
        output = Uint8Array.from(stdout.subarray(state.length));
        for (const { label, id } of launchSteps(artifact)) this.#options.onLaunch?.(label, id);
      },
      read: async (slot) => viewOf(slot.dtype, output.buffer, slot.offset, slot.count).slice(),
      release: () => undefined,
    };
  }

  writeState(slot: BufferSlot, values: TypedArray): void {
    viewOf(slot.dtype, this.#state.buffer, slot.offset, slot.count).set(values);
  }

  async readState(slot: BufferSlot): Promise<TypedArray> {
    return viewOf(slot.dtype, this.#state.buffer, slot.offset, slot.count).slice();
  }

  allocatedBytes(): Readonly<Record<Segment, number>> {
    return { state: this.#state.length, arena: 0, input: 0, output: 0, held: 0 };
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
