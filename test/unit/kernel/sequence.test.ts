import { describe, expect, test } from "vitest";
import * as b from "../../../src/kernel/build.ts";
import { checkSequence, type PlannedBuffer } from "../../../src/kernel/check.ts";
import type { Memory } from "../../../src/kernel/evaluate-memory.ts";
import { evaluateSequence } from "../../../src/kernel/evaluate-sequence.ts";
import type { Launch, Sequence } from "../../../src/program/sequence.ts";
import { at, buffer, kernel, loopVar, nest } from "./notation.ts";

/** sums[i] = sums[i] * 3. */
const i = loopVar("i", 5);
const next = kernel(
  "next",
  [buffer("update", "sums", 5)],
  [
    nest(
      [["parallel", i]],
      [b.store("sums", at(i), b.apply("mul", b.load("f32", "sums", at(i)), b.constant("f32", 3)))],
    ),
  ],
);

const launch: Launch = { kind: "launch", kernel: next, bindings: [{ param: "sums", buffer: "powers" }] };
const plan = new Map<string, PlannedBuffer>([
  ["powers", { element: "f32", count: 5 }],
  ["kept", { element: "f32", count: 5 }],
  ["flag", { element: "bool", count: 1 }],
]);

test("launches and copies, in order", () => {
  const sequence: Sequence = [launch, { kind: "copy", from: "powers", to: "kept" }, launch];
  expect(checkSequence(sequence, plan)).toBeNull();
  const buffers = new Map<string, Memory>([
    ["powers", { element: "f32", data: [1, 2, 3, 4, 5] }],
    ["kept", { element: "f32", data: [0, 0, 0, 0, 0] }],
  ]);
  evaluateSequence(sequence, buffers, { seed: 4 });
  expect(buffers.get("powers")?.data).toEqual([9, 18, 27, 36, 45]);
  expect(buffers.get("kept")?.data).toEqual([3, 6, 9, 12, 15]);
  expect(() => evaluateSequence(sequence, new Map())).toThrow("buffer powers is not given");
});

describe("check", () => {
  const wrong: readonly (readonly [string, Sequence])[] = [
    ["launch of next: sums is not given", [{ ...launch, bindings: [] }]],
    [
      "launch of next: other is not a parameter, or is given twice",
      [{ ...launch, bindings: [...launch.bindings, { param: "other", buffer: "powers" }] }],
    ],
    ["buffer lost is not planned", [{ kind: "copy", from: "lost", to: "kept" }]],
    ["copy of flag to kept: they differ in element type or count", [{ kind: "copy", from: "flag", to: "kept" }]],
    ["copy of kept to itself", [{ kind: "copy", from: "kept", to: "kept" }]],
    ["launch of next: sums is f32[5], flag is bool[1]", [{ ...launch, bindings: [{ param: "sums", buffer: "flag" }] }]],
    [
      "kernel next: store to sums, which is not declared",
      [{ ...launch, kernel: { ...next, buffers: [] }, bindings: [] }],
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
    expect(checkSequence([{ kind: "copy", from: "a", to: "b" }, launch])).toBeNull();
  });
});
