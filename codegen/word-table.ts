/** The words of each op, from the files that an exporter has them in. An op more, and `tsc` names this table. */
import type { MapName, ReduceName } from "../src/graph/op-names.ts";
import { maxWithIndex, minWithIndex } from "../src/graph/ops/reduce.ts";
import type { OpWords, WordTable } from "./graph-exporter.ts";

type Sources = "fromOutside" | "constantWords" | "iotaWords" | "sizeWords" | "randomWords";
type Folds = "momentWords" | "runningWords" | "contractWords";
type Gathers = "oneHotWords" | "gatherWords" | "takeAlongWords" | "dynamicSliceWords" | "dynamicUpdateWords";
type Moves = "putAlongWords" | "scatterAddWords" | "sortWords";
type Views =
  | "reshapeWords"
  | "permuteWords"
  | "broadcastWords"
  | "flipWords"
  | "sliceWords"
  | "padWords"
  | "concatWords";
type Windows = "windowWords" | "windowSumWords" | "barrierWords";
type Loops = "scanWords" | "whileWords" | "condWords";

/** What the files of an exporter give. */
export interface WordFiles<B, V>
  extends Readonly<Record<Sources | Folds | Gathers | Moves | Views | Windows | Loops | "castWords", OpWords<B, V>>> {
  readonly mapWords: Readonly<Record<MapName, OpWords<B, V>>>;
  readonly reduceWords: (name: ReduceName) => OpWords<B, V>;
  readonly bestWords: (op: typeof maxWithIndex) => OpWords<B, V>;
}

export function wordTable<B, V>(given: WordFiles<B, V>): WordTable<B, V> {
  const { mapWords, reduceWords, bestWords } = given;
  /** max and min are element-wise ops and reductions: the op tells. */
  const either = (name: "max" | "min"): OpWords<B, V> => {
    const [map, reduce] = [mapWords[name], reduceWords(name)];
    return (scope, node) => (node.op.kind === "reduce" ? reduce : map)(scope, node);
  };
  return {
    ...mapWords,
    input: given.fromOutside,
    state: given.fromOutside,
    constant: given.constantWords,
    iota: given.iotaWords,
    size: given.sizeWords,
    random: given.randomWords,
    max: either("max"),
    min: either("min"),
    sum: reduceWords("sum"),
    prod: reduceWords("prod"),
    maxWithIndex: bestWords(maxWithIndex),
    minWithIndex: bestWords(minWithIndex),
    moments: given.momentWords,
    cast: given.castWords,
    reshape: given.reshapeWords,
    permute: given.permuteWords,
    broadcast: given.broadcastWords,
    flip: given.flipWords,
    slice: given.sliceWords,
    pad: given.padWords,
    concat: given.concatWords,
    window: given.windowWords,
    windowSum: given.windowSumWords,
    barrier: given.barrierWords,
    oneHot: given.oneHotWords,
    gather: given.gatherWords,
    takeAlong: given.takeAlongWords,
    putAlong: given.putAlongWords,
    scatterAdd: given.scatterAddWords,
    dynamicSlice: given.dynamicSliceWords,
    dynamicUpdate: given.dynamicUpdateWords,
    sort: given.sortWords,
    running: given.runningWords,
    contract: given.contractWords,
    scan: given.scanWords,
    whileLoop: given.whileWords,
    cond: given.condWords,
  };
}
