/**
 * What became of one entry, told from its sequence: by steps, not by positions.
 */
import { type Origin, userLine } from "../core/origin.ts";
import type { Node } from "../graph/node.ts";
import type { NodeNames } from "../graph/node-names.ts";
import { printNode } from "../graph/print.ts";
import { printSchedules } from "../kernel/moves.ts";
import { ComputedAgain } from "./again.ts";
import type { CompiledEntry } from "./compiled.ts";
import type { EntryReport, KernelReport, MemoryReport, PassReport } from "./report.ts";
import { countSteps, eachTime, type Launch, type Sequence } from "./sequence.ts";

export interface ReportParts {
  readonly sequence: Sequence;
  readonly passes: readonly PassReport[];
  /** Why states are copied. */
  readonly copied: ReadonlyMap<string, string>;
  readonly arena: Pick<MemoryReport, "peakBytes" | "lowerBoundBytes" | "withoutReuseBytes">;
  /** What nodes are called, by default their numbers. */
  readonly names?: NodeNames | undefined;
}

export function reportOf(
  compiled: CompiledEntry,
  { sequence, passes, copied, arena, names }: ReportParts,
): EntryReport {
  const { name: entry, dims, segmentBytes, inputs, buffers } = compiled;
  const again = new ComputedAgain(sequence);
  const kernels: KernelReport[] = [];
  eachTime(sequence, (launch, times) => {
    if (launch.kind === "launch") kernels.push(kernelReport(launch, { times, again, names }));
  });
  const { launches, copies } = countSteps(sequence);
  return {
    entry,
    dims,
    passes,
    kernels,
    launches,
    copies,
    copied: Object.fromEntries(copied),
    memory: {
      peakBytes: arena.peakBytes,
      lowerBoundBytes: arena.lowerBoundBytes,
      withoutReuseBytes: arena.withoutReuseBytes,
      stateBytes: segmentBytes.state,
      inputBytes: segmentBytes.input,
      outputBytes: segmentBytes.output,
    },
    get again() {
      return again.report();
    },
    picks: inputs.flatMap(({ below }) => below ?? []),
    buffers: [...buffers.values()],
  };
}

interface Around extends Pick<ReportParts, "names"> {
  readonly times: number;
  readonly again: ComputedAgain;
}

function kernelReport(launch: Launch, { times, again, names }: Around): KernelReport {
  const { id, name, kernel, nodes } = launch;
  const { flops, bytes, schedule } = kernel;
  return {
    step: id,
    name,
    times,
    get fuses() {
      return linesOf(nodes, names);
    },
    get nodes() {
      return nodes.map((node) => node.id);
    },
    get lines() {
      return [...new Set(originsOf(nodes).flatMap((origin) => userLine(origin) ?? []))];
    },
    get layers() {
      return [...new Set(originsOf(nodes).flatMap(({ layer }) => layer ?? []))];
    },
    get again() {
      return linesOf(again.in(launch), names);
    },
    flops,
    bytes,
    schedule: printSchedules(schedule),
  };
}

/** Those of what takes the time first. */
function originsOf(nodes: readonly Node[]): readonly Origin[] {
  const rank = ({ op: { kind } }: Node): number => (kind === "contract" ? 0 : kind === "reduce" ? 1 : 2);
  return nodes.toSorted((a, b) => rank(a) - rank(b)).flatMap(({ origins }) => origins);
}

/** Written when somebody asks, as most compilations are not looked at; results of one op are one line. */
function linesOf(nodes: readonly Node[], names: NodeNames | undefined): readonly string[] {
  return [...new Set(nodes.map((node) => printNode(node, names)))];
}
