/** Where every tensor of an entry lies, when it is needed, and by which kernels. */
import { liveBytes } from "../../../codegen/picture/memory.ts";
import type { Ordered } from "../../../passes/plan/ordered.ts";
import type { Stages } from "../../compile.ts";
import type { Node } from "../../graph/node.ts";
import { printShape } from "../../graph/shape.ts";
import { type Buffer, printBuffer } from "../../program/buffer.ts";
import { bodiesOf } from "../../program/sequence.ts";
import { stepNames } from "../step-names.ts";
import type { BufferView, KernelView, MemoryView } from "./exploration.ts";

export interface Numbered {
  readonly buffers: readonly Buffer[];
  readonly numberOf: (buffer: Buffer) => number;
  /** Where the value of a node lies. */
  readonly holding: ReadonlyMap<Node, Buffer>;
}

/** All buffers that have an address, in the order of the layout. */
export function numberBuffers({ layout, ordered }: Stages): Numbered {
  const buffers = [...layout.buffers.keys()];
  const numbers = new Map(buffers.map((buffer, i) => [buffer, i]));
  const holding = new Map<Node, Buffer>();
  const gather = ({ bufferOf, steps }: Ordered): void => {
    for (const [node, buffer] of bufferOf) holding.set(node, buffer);
    for (const step of steps) if (step.kind !== "group") for (const body of bodiesOf<Ordered>(step)) gather(body);
  };
  gather(ordered);
  return { buffers, numberOf: (buffer) => numbers.get(buffer) ?? -1, holding };
}

export function viewBuffers(
  { layout, sequence }: Stages,
  { buffers, numberOf, holding }: Numbered,
  kernels: readonly KernelView[],
  keyOf: ReadonlyMap<Node, string>,
): readonly BufferView[] {
  const steps = stepNames(sequence).length;
  const lives = new Map(layout.arena.placements.map(({ buffer, first, last }) => [buffer, { first, last }]));
  const nodes = new Map<number, string[]>();
  for (const [node, buffer] of holding) {
    const key = keyOf.get(node);
    const number = numberOf(buffer);
    if (key !== undefined) nodes.set(number, [...(nodes.get(number) ?? []), key]);
  }
  const using = (number: number, list: "reads" | "writes"): readonly number[] =>
    kernels.flatMap((kernel, i) => (kernel[list].includes(number) ? [i] : []));
  return buffers.map((buffer, number) => {
    const slot = layout.buffers.get(buffer);
    const { first, last } = lives.get(buffer) ?? { first: 0, last: steps - 1 };
    return {
      name: printBuffer(buffer),
      segment: slot?.segment ?? buffer.segment,
      type: buffer.dtype + printShape(buffer.shape),
      bytes: slot?.bytes ?? 0,
      offset: slot?.offset ?? 0,
      first,
      last,
      writtenBy: using(number, "writes"),
      readBy: using(number, "reads"),
      nodes: nodes.get(number) ?? [],
    };
  });
}

export function viewMemory({ sequence, report }: Stages, buffers: readonly BufferView[]): MemoryView {
  const steps = stepNames(sequence);
  const bars = buffers
    .filter(({ segment }) => segment === "arena")
    .map(({ name, type, ...place }) => ({ name, about: type, ...place }));
  const { peakBytes, lowerBoundBytes, withoutReuseBytes, stateBytes, inputBytes, outputBytes } = report.memory;
  return {
    steps,
    live: liveBytes({ steps, bars }),
    arenaBytes: peakBytes,
    lowerBoundBytes,
    withoutReuseBytes,
    stateBytes,
    inputBytes,
    outputBytes,
  };
}
