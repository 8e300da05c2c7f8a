import { describe, expect, test } from "vitest";
import * as b from "../../../src/kernel/build.ts";
import { checkSequence, type PlannedBuffer } from "../../../src/kernel/check.ts";
import type { Memory } from "../../../src/kernel/evaluate-memory.ts";
import { evaluateSequence } from "../../../src/kernel/evaluate-sequence.ts";
import { addIndex, constIndex, paramIndex } from "../../../src/kernel/index-expr.ts";
import type { Sequence, Step } from "../../../src/program/sequence.ts";
import { buffer, kernel, nest } from "./notation.ts";

/** sums[t + 1] = sums[t] * rate, for step t. */
const next = kernel(
  "next",
  [buffer("update", "sums", 5)],
  [
    nest(
      [],
      [
        b.store(
          "sums",
          addIndex(paramIndex("t", 0, 3), constIndex(1)),
          b.apply("mul", b.load("f32", "sums", paramIndex("t", 0, 3)), b.param("f32", "rate")),
        ),
      ],
    ),
  ],
  {
    scalars: [
      { name: "t", type: "i32" },
      { name: "rate", type: "f32" },
    ],
  },
);

const launch: Step & { readonly kind: "launch" } = {
  kind: "launch",
  kernel: next,
  bindings: [{ param: "sums", buffer: "powers" }],
  scalars: [
    { param: "t", kind: "loopIndex", loop: "step" },
    { param: "rate", kind: "const", value: 3 },
  ],
};
const fourTimes = (body: Sequence): Step => ({ kind: "loop", index: "step", count: 4, body });
const plan = new Map<string, PlannedBuffer>([
  ["powers", { element: "f32", count: 5 }],
  ["kept", { element: "f32", count: 5 }],
  ["flag", { element: "bool", count: 1 }],
]);

describe("evaluate", () => {
  test.each([0, 1])("loops, launches, copies and a condition that is %i", (flag) => {
    const sequence: Sequence = [
      fourTimes([launch]),
      { kind: "if", flag: "flag", body: [{ kind: "copy", from: "powers", to: "kept" }] },
    ];
    expect(checkSequence(sequence, plan)).toBeNull();
    const buffers = new Map<string, Memory>([
      ["powers", { element: "f32", data: [1, 0, 0, 0, 0] }],
      ["kept", { element: "f32", data: [0, 0, 0, 0, 0] }],
      ["flag", { element: "bool", data: [flag] }],
    ]);
    evaluateSequence(sequence, buffers, { seed: 4 });
    expect(buffers.get("powers")?.data).toEqual([1, 3, 9, 27, 81]);
    expect(buffers.get("kept")?.data).toEqual(flag === 1 ? [1, 3, 9, 27, 81] : [0, 0, 0, 0, 0]);
    expect(() => evaluateSequence(sequence, new Map())).toThrow("buffer powers is not given");
  });
});

describe("check", () => {
  const wrong: readonly (readonly [string, Sequence])[] = [
    ["launch of next: sums is not given", [fourTimes([{ ...launch, bindings: [] }])]],
    [
      "launch of next: other is not a parameter, or is given twice",
      [fourTimes([{ ...launch, bindings: [...launch.bindings, { param: "other", buffer: "powers" }] }])],
    ],
    ["launch of next: t is not given", [fourTimes([{ ...launch, scalars: launch.scalars.slice(1) }])]],
    ["launch of next: $t is given step, not a loop around it", [launch]],
    [
      "launch of next: $rate is f32, given 0.1",
      [
        fourTimes([
          { ...launch, scalars: [...launch.scalars.slice(0, 1), { param: "rate", kind: "const", value: 0.1 }] },
        ]),
      ],
    ],
    [
      "launch of next: $rate is f32, given a loop index",
      [
        fourTimes([
          { ...launch, scalars: [...launch.scalars.slice(0, 1), { param: "rate", kind: "loopIndex", loop: "step" }] },
        ]),
      ],
    ],
    ["buffer lost is not planned", [{ kind: "copy", from: "lost", to: "kept" }]],
    ["copy of flag to kept: they differ in element type or count", [{ kind: "copy", from: "flag", to: "kept" }]],
    ["copy of kept to itself", [{ kind: "copy", from: "kept", to: "kept" }]],
    [
      "launch of next: sums is f32[5], flag is bool[1]",
      [fourTimes([{ ...launch, bindings: [{ param: "sums", buffer: "flag" }] }])],
    ],
    ["if on kept, which is not one bool", [{ kind: "if", flag: "kept", body: [] }]],
    ["loop step lies inside a loop of that name", [fourTimes([fourTimes([])])]],
    ["the count of loop step is -1", [{ kind: "loop", index: "step", count: -1, body: [] }]],
    [
      "kernel next: store to sums, which is not declared",
      [fourTimes([{ ...launch, kernel: { ...next, buffers: [] }, bindings: [] }])],
    ],
  ];

  test.each(wrong)("%s", (words, sequence) => {
    expect(checkSequence(sequence, plan)).toBe(words);
  });

  test("a written buffer is bound once", () => {
    const both = kernel("both", [buffer("read", "x", 5), buffer("write", "y", 5)], []);
    const bind = (x: string, y: string): Sequence => [
      {
        kind: "launch",
        kernel: both,
        scalars: [],
        bindings: [
          { param: "x", buffer: x },
          { param: "y", buffer: y },
        ],
      },
    ];
    expect(checkSequence(bind("kept", "powers"), plan)).toBeNull();
    expect(checkSequence(bind("kept", "kept"), plan)).toBe("launch of both: kept is written and bound twice");
  });

  test("without a plan, names are taken as they are", () => {
    expect(checkSequence([{ kind: "copy", from: "a", to: "b" }, fourTimes([launch])])).toBeNull();
  });
});
