/** Kernels and the steps of entries as C99: functions, and the lines that call them on memory. */
import { byteWidth } from "../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import { type Apply, isRoutineFn, type Kernel } from "../../src/kernel/kernel.ts";
import { doubleRoutineFor } from "../../src/kernel/maths/in-double.ts";
import type { ArtifactRow, ArtifactStep } from "../../src/program/artifact.ts";
import type { BufferSlot, Segment } from "../../src/program/buffer.ts";
import { helpers } from "./helpers.ts";
import { elementTypes, printKernel, printRoutine } from "./print.ts";

/** Kernels as `kernel_0`, `kernel_1`, ... in their order, with all that they need before them. */
export function printKernels(kernels: readonly Kernel[]): string {
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
  const functions = kernels.map((kernel, i) => printKernel(kernel, `kernel_${i}`, routine));
  return [helpers, ...texts, ...functions].join("\n");
}

export interface Memory {
  /** The name of the bytes of a segment. */
  readonly segment: (segment: Segment) => string;
  /** Which of the printed kernels one of an artifact's is. */
  readonly kernel: (kernel: number) => number;
}

/** The lines that run steps once. */
export function printSteps(steps: readonly ArtifactStep[], memory: Memory): readonly string[] {
  return steps.flatMap((step) => printStep(step, memory));
}

/** A buffer, as a pointer to its first element. */
export function pointerTo({ segment, offset, dtype }: BufferSlot, memory: Pick<Memory, "segment">): string {
  return `(${elementTypes[dtype]} *)(${memory.segment(segment)} + ${offset})`;
}

function printStep(step: ArtifactStep, memory: Memory): readonly string[] {
  const address = (slot: BufferSlot, row?: ArtifactRow): string =>
    `${pointerTo(slot, memory)}${row === undefined ? "" : ` + ${firstOf(row)}`}`;
  const inside = (steps: readonly ArtifactStep[]): readonly string[] =>
    printSteps(steps, memory).map((line) => `  ${line}`);
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
      return [`kernel_${memory.kernel(step.kernel)}(${given.join(", ")}); // ${step.label}`];
    }
    case "loop": {
      const t = `t${step.depth}`;
      return [`for (int ${t} = 0; ${t} < ${step.extent}; ${t}++) {`, ...inside(step.body), "}"];
    }
    case "while":
      return [
        "for (int n = 0;; n++) {",
        ...inside(step.test),
        `  if (n >= ${step.most}) break;`,
        `  if (!*${address(step.flag)}) break;`,
        ...inside(step.body),
        "}",
      ];
    case "if":
      return [`if (*${address(step.flag)}) {`, ...inside(step.yes), "} else {", ...inside(step.no), "}"];
    default:
      return unreachable(step);
  }
}

function firstOf({ offset, strides }: ArtifactRow): string {
  return [...strides.map(({ depth, by }) => `${by} * t${depth}`), offset].join(" + ");
}
