/** The words of each op. An op more, and `tsc` names this table. */
import type { OpName } from "../../src/graph/op-names.ts";
import { maxWithIndex, minWithIndex } from "../../src/graph/ops/reduce.ts";
import { bestWords, contractWords, momentWords, reduceWords, runningWords } from "./folds.ts";
import {
  dynamicSliceWords,
  dynamicUpdateWords,
  gatherWords,
  oneHotWords,
  putAlongWords,
  scatterAddWords,
  sortWords,
  takeAlongWords,
} from "./gathers.ts";
import { condWords, scanWords, whileWords } from "./loops.ts";
import { castWords, mapWords } from "./maps.ts";
import type { OpWords } from "./scope.ts";
import { constantWords, fromOutside, iotaWords, randomWords, sizeWords } from "./sources.ts";
import {
  barrierWords,
  broadcastWords,
  concatWords,
  flipWords,
  padWords,
  permuteWords,
  reshapeWords,
  sliceWords,
  windowSumWords,
  windowWords,
} from "./views.ts";

/** max and min are element-wise ops and reductions: the op tells. */
const either =
  (map: OpWords, reduce: OpWords): OpWords =>
  (scope, node) =>
    (node.op.kind === "reduce" ? reduce : map)(scope, node);

export const words: Readonly<Record<OpName, OpWords>> = {
  ...mapWords,
  input: fromOutside,
  state: fromOutside,
  constant: constantWords,
  iota: iotaWords,
  size: sizeWords,
  random: randomWords,
  max: either(mapWords.max, reduceWords("max")),
  min: either(mapWords.min, reduceWords("min")),
  sum: reduceWords("sum"),
  prod: reduceWords("prod"),
  maxWithIndex: bestWords(maxWithIndex),
  minWithIndex: bestWords(minWithIndex),
  moments: momentWords,
  cast: castWords,
  reshape: reshapeWords,
  permute: permuteWords,
  broadcast: broadcastWords,
  flip: flipWords,
  slice: sliceWords,
  pad: padWords,
  concat: concatWords,
  window: windowWords,
  windowSum: windowSumWords,
  barrier: barrierWords,
  oneHot: oneHotWords,
  gather: gatherWords,
  takeAlong: takeAlongWords,
  putAlong: putAlongWords,
  scatterAdd: scatterAddWords,
  dynamicSlice: dynamicSliceWords,
  dynamicUpdate: dynamicUpdateWords,
  sort: sortWords,
  running: runningWords,
  contract: contractWords,
  scan: scanWords,
  whileLoop: whileWords,
  cond: condWords,
};
