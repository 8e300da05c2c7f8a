/**
 * The numbers that tensorloom is held to, each with what was measured: reached, missed, or not measured.
 */
import { againstTitle, floorTitle, type Results } from "./results.ts";
import { floorOf, ours } from "./systems.ts";
import {
  block,
  c5,
  contractions,
  conv2,
  type FloorName,
  jsContractions,
  lstm,
  mainStep,
  mapBytes,
  maps,
  oddContractions,
  rows,
  titleOf,
  type Workload,
} from "./workloads.ts";

export interface Verdict {
  readonly what: string;
  /** A ratio, or milliseconds. */
  readonly measured: number;
  readonly wanted: number;
  /** Whether the ratio has to be at least, or at most, what is wanted. */
  readonly sense: "at least" | "at most";
  readonly outcome: "reached" | "missed" | "not measured";
}

export function verdicts(results: Results): readonly Verdict[] {
  const main = titleOf(mainStep);
  /** How many times as long as tensorloom another system takes for the main step. */
  const timesOurs = (system: string, own: string = ours.wasm2): number =>
    results.median(main, system) / results.median(main, own);
  const made: Verdict[] = [
    atLeast("step rmsprop 128, part of the ceiling, 1 thread", results.shareOfCeiling(mainStep, ours.wasm1, 1), 0.68),
    atLeast("step rmsprop 128, part of the ceiling, 2 threads", results.shareOfCeiling(mainStep, ours.wasm2, 2), 0.68),
    atLeast("step, faster than Keras fit", timesOurs("Keras fit"), 1.5),
    atLeast("step, faster than onnxruntime-web on 2 threads", timesOurs("onnxruntime-web, 2 threads"), 1.8),
    atLeast("step, faster than jax-js as it ships", timesOurs("jax-js wasm"), 2.9),
    atLeast("step, faster than tfjs wasm", timesOurs("tfjs wasm"), 18),
    atMost("step, time against tf.function", 1 / timesOurs("tf.function"), 1.1),
    atMost(
      "C5 step, time against tf.function",
      results.median(titleOf(c5), ours.wasm2) / results.median(titleOf(c5), "tf.function"),
      0.6,
    ),
    atMost(
      "two convolutions, time against PyTorch",
      results.median(titleOf(conv2), ours.wasm2) / results.median(titleOf(conv2), "PyTorch"),
      1,
    ),
    atMost(
      "LSTM step, time against JAX",
      results.median(titleOf(lstm), ours.wasm2) / results.median(titleOf(lstm), "JAX"),
      1,
    ),
    atMost(
      "transformer block, time against PyTorch",
      results.median(titleOf(block), ours.wasm2) / results.median(titleOf(block), "PyTorch"),
      1.5,
    ),
    atMost("js: step, time against tfjs wasm", 1 / timesOurs("tfjs wasm", ours.js), 1.2),
    atLeast("js: step, faster than tfjs plain JS", timesOurs("tfjs, plain JS", ours.js), 4),
    atMost("step, compiled in a fresh process, 1 thread, ms", compileMs(results, ours.wasm1), 100),
    atMost("step, compiled in a fresh process, 2 threads, ms", compileMs(results, ours.wasm2), 100),
  ];
  const share = (workload: Workload): number => results.shareOfCeiling(workload, ours.wasm1, 1);
  for (const workload of contractions) {
    made.push(atLeast(`${titleOf(workload)}, part of the ceiling, 1 thread`, share(workload), 0.7));
  }
  oddContractions.forEach((workload, i) => {
    const even = contractions[i * 3]; // the one of this shape with no operand transposed
    if (even === undefined) return;
    made.push(atLeast(`${titleOf(workload)} against ${titleOf(even)}`, share(workload) / share(even), 0.85));
  });
  const againstLoop = (workload: Workload, own: string, floor: FloorName): number => {
    const title = againstTitle(workload, floor);
    return results.median(floorTitle(title, floor), floorOf(1)) / results.median(title, own);
  };
  for (const workload of jsContractions) {
    const speed = againstLoop(workload, ours.js, "contraction-js");
    made.push(atLeast(`js: ${titleOf(workload)}, against a 4x4 block by hand`, speed, 0.8));
  }
  for (const workload of maps) {
    const title = titleOf(workload);
    const bandwidth = (mapBytes / results.median(title, ours.wasm1)) * 1e3;
    made.push(atLeast(`${title}, part of the copy bandwidth`, bandwidth / results.copyBandwidth(title), 0.7));
  }
  for (const kind of ["softmax", "layerNorm"] as const) {
    const workload: Workload = { kind, ...rows };
    for (const [own, floor] of [
      [ours.wasm1, kind],
      [ours.js, `${kind}-js`],
    ] as const) {
      const speed = againstLoop(workload, own, floor);
      made.push(atLeast(`${titleOf(workload)}, ${own}, against the loop by hand`, speed, 0.7));
    }
  }
  return made;
}

function compileMs({ starts }: Results, system: string): number {
  const start = starts.get(system);
  return start === undefined || "error" in start ? Number.NaN : (start.compileMs ?? Number.NaN);
}

function atLeast(what: string, measured: number, wanted: number): Verdict {
  return { what, measured, wanted, sense: "at least", outcome: outcomeOf(measured, measured >= wanted) };
}

function atMost(what: string, measured: number, wanted: number): Verdict {
  return { what, measured, wanted, sense: "at most", outcome: outcomeOf(measured, measured <= wanted) };
}

function outcomeOf(measured: number, isReached: boolean): Verdict["outcome"] {
  if (Number.isNaN(measured)) return "not measured";
  return isReached ? "reached" : "missed";
}
