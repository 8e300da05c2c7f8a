/**
 * C99, for standalone programs: an exporter, as what runs it is a compiler of C.
 *
 *   cc -std=c99 -O2 -fwrapv -ffp-contract=off -fno-strict-aliasing -c net.c
 *
 * It computes as the `js` target does: the same schedule, sums in doubles, the maths library in doubles.
 */
import { byteWidth } from "../../src/core/dtype.ts";
import { type Artifact, artifactSteps } from "../../src/program/artifact.ts";
import { kernelsOf } from "../../src/program/sequence.ts";
import { jsMoves } from "../js/moves/all.ts";
import { jsPolicy } from "../js/policy.ts";
import { jsTolerances } from "../js/tolerances.ts";
import type { Target } from "../target.ts";
import { printKernels } from "./program.ts";

export interface CArtifact extends Artifact {
  /** The functions of its kernels, and what they need. */
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
    return { steps: artifactSteps(sequence, addresses), source: printKernels(kernelsOf(sequence)) };
  },
};
