/** The CPU, as JavaScript: loops over typed arrays, which run everywhere. */

import { byteWidth } from "../../src/core/dtype.ts";
import { artifactSteps } from "../../src/program/artifact.ts";
import { kernelsOf } from "../../src/program/sequence.ts";
import type { Target } from "../target.ts";
import type { JsArtifact } from "./artifact.ts";
import { jsMoves } from "./moves/all.ts";
import { jsCandidates, jsPolicy } from "./policy.ts";
import { JsPrinter } from "./print.ts";
import { jsTolerances } from "./tolerances.ts";

export const js: Target<JsArtifact, null> = {
  name: "js",
  tolerances: jsTolerances,
  portable: null,
  traits: () => ({
    name: "js",
    accumulator: "f64",
    maxBuffers: 64,
    mostIndex: Number.MAX_SAFE_INTEGER,
    hasF64: true,
    innerTerms: 4096,
    packs: "none",
    storesBorders: { leastReads: 64, leastElements: 2 ** 14, mostGrowth: 2 },
    choosesSlopes: null,
    hasBranches: true,
    needsSchedule: false,
    alignment: 64, // a cache line
    copied: 1,
    bytesOf: (dtype, count) => byteWidth(dtype) * count,
  }),
  scheduling: () => ({ policy: jsPolicy(), ownMoves: jsMoves }),
  candidates: () =>
    jsCandidates.map(([name, blocks]) => ({ name, scheduling: { policy: jsPolicy(blocks), ownMoves: jsMoves } })),
  legalize: (kernel) => kernel,
  printer() {
    const kernels = new JsPrinter();
    return (sequence, addresses) => ({
      ...kernels.print(kernelsOf(sequence)),
      steps: artifactSteps(sequence, addresses),
    });
  },
};
