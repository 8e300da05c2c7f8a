/**
 * A target that prints C: what a stranger writes for a target of their own. A file for each entry, which is a whole program: it
 * reads states and inputs, runs the entry's steps, and writes states and outputs.
 *
 *   cc -std=c11 -O2 -fwrapv -ffp-contract=off -fno-strict-aliasing step.c -lm
 *
 * It computes as the `js` target does: the same schedule, sums in doubles, the maths library in doubles.
 */

import { jsMoves } from "../../../codegen/js/moves/all.ts";
import { jsPolicy } from "../../../codegen/js/policy.ts";
import { jsTolerances } from "../../../codegen/js/tolerances.ts";
import type { Target } from "../../../codegen/target.ts";
import { byteWidth } from "../../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../../src/core/errors.ts";
import { type Apply, isRoutineFn } from "../../../src/kernel/kernel.ts";
import { doubleRoutineFor } from "../../../src/kernel/maths/in-double.ts";
import {
  type Addresses,
  type Artifact,
  type ArtifactRow,
  type ArtifactStep,
  artifactSteps,
} from "../../../src/program/artifact.ts";
import type { BufferSlot } from "../../../src/program/buffer.ts";
import { kernelsOf, type Sequence } from "../../../src/program/sequence.ts";
import { helpers } from "./helpers.ts";
import { elementTypes, printKernel, printRoutine } from "./print.ts";

export interface CArtifact extends Artifact {
  /** The text of the program. */
  readonly source: string;
}

export const c: Target<CArtifact, null> = {
  name: "c",
  tolerances: jsTolerances,
  portable: null,
  traits: () => ({
    name: "c",
    accumulator: "f64",
    maxBuffers: 64,
    mostIndex: 2 ** 31 - 1,
    hasF64: true,
    innerTerms: 4096,
    packs: "none",
    storesBorders: null,
    choosesSlopes: null,
    hasBranches: true,
    needsSchedule: false,
    alignment: 64,
    copied: 1,
    bytesOf: (dtype, count) => byteWidth(dtype) * count,
  }),
  scheduling: () => ({ policy: jsPolicy(), ownMoves: jsMoves }),
  legalize: (kernel) => kernel,
  printer: () => (sequence, addresses) => {
    const steps = artifactSteps(sequence, addresses);
    return { steps, source: printProgram(sequence, steps, addresses.segmentBytes) };
  },
};

/** Segments in the order in which they are read and written: the arena is neither. */
const segments = ["state", "input", "output", "held", "arena"] as const;

function printProgram(sequence: Sequence, steps: readonly ArtifactStep[], bytes: Addresses["segmentBytes"]): string {
  const routines = new Map<string, string>();
  const texts: string[] = [];
  const routine = ({ fn, type }: Apply): string => {
    const known = routines.get(fn);
    if (known !== undefined) return known;
    const found = isRoutineFn(fn) ? doubleRoutineFor(fn, type) : undefined;
    if (found === undefined) throw new CompilerBug(`the maths library has no ${fn} of ${type}`);
    const name = `maths_${found.name}`;
    routines.set(fn, name);
    texts.push(printRoutine(found, name, routine));
    return name;
  };
  const kernels = kernelsOf(sequence).map((kernel, i) => printKernel(kernel, `kernel_${i}`, routine));
  // One byte more: C has no arrays without elements.
  const memory = segments.map((name) => `static _Alignas(64) uint8_t ${name}_memory[${bytes[name] + 1}];`);
  const main = [
    "int main(void) {",
    ...(["state", "input"] as const).map(
      (name) => `  if (fread(${name}_memory, 1, ${bytes[name]}, stdin) != ${bytes[name]}) return 1;`,
    ),
    `  memset(arena_memory, 0xff, ${bytes.arena});`,
    ...steps.flatMap(printStep).map((line) => `  ${line}`),
    ...(["state", "output"] as const).map(
      (name) => `  if (fwrite(${name}_memory, 1, ${bytes[name]}, stdout) != ${bytes[name]}) return 1;`,
    ),
    "  return 0;",
    "}",
  ];
  return [helpers, ...texts, ...kernels, ...memory, main.join("\n"), ""].join("\n");
}

function printStep(step: ArtifactStep): readonly string[] {
  const address = ({ segment, offset, dtype }: BufferSlot, row?: ArtifactRow): string =>
    `(${elementTypes[dtype]} *)(${segment}_memory + ${offset})${row === undefined ? "" : ` + ${firstOf(row)}`}`;
  const inside = (steps: readonly ArtifactStep[]): readonly string[] =>
    steps.flatMap(printStep).map((line) => `  ${line}`);
  switch (step.kind) {
    case "copy": {
      const { from, to, fromRow, toRow } = step;
      const bytes = (fromRow ?? from).count * byteWidth(from.dtype);
      return [`memcpy(${address(to, toRow)}, ${address(from, fromRow)}, ${bytes});`];
    }
    case "launch": {
      const given = [
        ...step.bindings.map(({ buffer }) => address(buffer)),
        ...step.iterations.map((depth) => `t${depth}`),
      ];
      return [`kernel_${step.kernel}(${given.join(", ")}); // ${step.label}`];
    }
    case "loop": {
      const t = `t${step.depth}`;
      return [`for (int ${t} = 0; ${t} < ${step.extent}; ${t}++) {`, ...inside(step.body), "}"];
    }
    case "while": {
      const stop = `if (!*${address(step.flag)}) break;`;
      return [
        "for (int n = 0;; n++) {",
        ...inside(step.test),
        ...(step.most === null ? [] : [`  if (n >= ${step.most}) break;`]),
        `  ${stop}`,
        ...inside(step.body),
        "}",
      ];
    }
    case "if":
      return [`if (*${address(step.flag)}) {`, ...inside(step.yes), "} else {", ...inside(step.no), "}"];
    default:
      return unreachable(step);
  }
}

function firstOf({ offset, strides }: ArtifactRow): string {
  return [...strides.map(({ depth, by }) => `${by} * t${depth}`), offset].join(" + ");
}
