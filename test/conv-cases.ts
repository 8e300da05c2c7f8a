/** Cases of convolutions, pools and windows: part of the composites (composite-cases.ts). */
import * as ops from "../src/dsl/ops.ts";
import type { Tensor } from "../src/dsl/tensor.ts";
import { input, type OpCase, one } from "./op-case.ts";

type Shape = readonly number[];

const convolutions: readonly (readonly [x: Shape, filter: Shape, options?: ops.ConvOptions])[] = [
  [
    [2, 7, 3],
    [3, 3, 5],
  ],
  [[1, 6, 2], [4, 2, 3], { padding: "same" }],
  [[2, 7, 2], [2, 2, 3], { padding: "same", stride: 3 }],
  [[1, 7, 2], [3, 2, 2], { padding: "causal", dilation: 2 }],
  [
    [2, 6, 5, 3],
    [3, 3, 3, 9],
  ],
  [[2, 6, 5, 2], [3, 2, 2, 3], { stride: 2, padding: "same" }],
  [[1, 7, 6, 1], [3, 3, 1, 4], { dilation: [2, 1], padding: [[1, 2], [0, 3]] }], // biome-ignore format: a row
  [[1, 5, 5, 2], [2, 2, 2, 2], { stride: 2, dilation: 2, padding: "same" }],
  [[2, 5, 5, 4], [3, 3, 2, 6], { groups: 2, padding: "same" }],
  [[2, 3, 6, 5], [3, 3, 3, 4], { dataFormat: "channelsFirst", padding: "same" }],
  [[1, 4, 6, 5], [2, 2, 2, 4], { dataFormat: "channelsFirst", groups: 2, stride: 2 }],
  [
    [2, 4, 4, 3],
    [1, 1, 3, 5],
  ],
  [
    [0, 5, 5, 2],
    [3, 3, 2, 2],
  ],
  [[1, 4, 3, 4, 2], [2, 2, 2, 2, 3], { padding: "same", stride: [2, 1, 1] }],
];

const transposed: readonly (readonly [x: Shape, filter: Shape, options?: ops.ConvTransposeOptions])[] = [
  [[2, 4, 3], [3, 2, 3], { stride: 2 }],
  [[1, 3, 4, 2], [3, 3, 2, 2], { stride: 2, padding: "same" }],
  [[1, 3, 3, 2], [2, 2, 1, 2], { stride: 3 }],
  [[1, 3, 3, 1], [3, 3, 2, 1], { stride: 2, padding: "same", outputPadding: 1 }],
  [[1, 4, 3], [3, 2, 3], { dilation: 2, padding: [[1, 2]] }],
  [[1, 2, 3, 3], [2, 2, 3, 2], { dataFormat: "channelsFirst" }],
];

const pools: readonly (readonly [x: Shape, options: ops.PoolOptions])[] = [
  [[2, 6, 3], { size: 2 }],
  [[2, 5, 6, 3], { size: 2, padding: "same" }],
  [[1, 7, 7, 2], { size: 3, stride: 2 }],
  [[1, 5, 4, 2], { size: 3, stride: 1, padding: "same" }],
  [[1, 6, 6, 1], { size: [2, 3], stride: [1, 2], padding: [[1, 0], [0, 2]] }], // biome-ignore format: a row
  [[1, 3, 6, 4], { size: 2, dataFormat: "channelsFirst" }],
  [[1, 4, 4, 4, 2], { size: 2 }],
];

const windows: readonly (readonly [x: Shape, options: ops.WindowOptions])[] = [
  [[9, 2], { axes: [0], size: 3 }],
  [[2, 7], { axes: [-1], size: 2, stride: 2, dilation: 3, padding: "same", value: 0.5 }],
  [[5, 6], { axes: [1, 0], size: [2, 3], padding: [[1, 1], [0, 2]] }], // biome-ignore format: a row
];

export function convCases(): OpCase[] {
  return [
    ...convolutions.map(([x, filter, options]) =>
      one("composite conv", [input(x), input(filter)], (a, w) => ops.conv(a, w, options ?? {})),
    ),
    one("composite depthwiseConv", [input([2, 5, 6, 3]), input([3, 3, 3, 2])], (a, w) => ops.depthwiseConv(a, w)),
    one("composite depthwiseConv", [input([1, 7, 3]), input([2, 3, 1])], (a, w) =>
      ops.depthwiseConv(a, w, { padding: "same", stride: 2 }),
    ),
    one("composite depthwiseConv", [input([1, 3, 5, 5]), input([3, 3, 3, 2])], (a, w) =>
      ops.depthwiseConv(a, w, { padding: "same", dataFormat: "channelsFirst" }),
    ),
    ...transposed.map(([x, filter, options]) =>
      one("composite convTranspose", [input(x), input(filter)], (a, w) => ops.convTranspose(a, w, options ?? {})),
    ),
    ...pools.flatMap(([x, options]) => [
      one("composite maxPool", [input(x)], (a) => ops.maxPool(a, options)),
      one("composite avgPool", [input(x)], (a) => ops.avgPool(a, options)),
    ]),
    one("composite globalPool", [input([2, 4, 3, 2])], (a) => ops.globalPool(a, "max")),
    one("composite globalPool", [input([2, 3, 4, 2])], (a) =>
      ops.globalPool(a, "average", { dataFormat: "channelsFirst", keepDims: true }),
    ),
    ...windows.map(([x, options]) => one("composite window", [input(x)], (a) => ops.window(a, options) as Tensor)),
    one("composite maxPool of conv", [input([1, 6, 6, 2]), input([3, 3, 2, 5]), input([5])], (x, w, b) =>
      ops.maxPool(ops.add(ops.conv(x, w), b) as Tensor, { size: 2 }),
    ),
  ];
}
