import { describe, expect, test } from "vitest";
import type { Memory } from "../../../src/kernel/evaluate-memory.ts";
import type { Buffer } from "../../../src/program/buffer.ts";
import { checkSequence } from "../../../src/program/check-sequence.ts";
import { evaluateSequence } from "../../../src/program/evaluate.ts";
import type { Copy, Launch, Row, Sequence } from "../../../src/program/sequence.ts";
import { bufferOf } from "../../buffers.ts";
import * as b from "../../kernel-pool.ts";
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

const powers = bufferOf("powers", 5);
const kept = bufferOf("kept", 5);
const flag = bufferOf("flag", 1, "arena", "bool");
const lost = bufferOf("lost", 5, "state");
const plan = new Set([powers, kept, flag]);

const launch: Launch = {
  kind: "launch",
  id: 0,
  name: next.name,
  kernel: next,
  bindings: [{ param: "sums", buffer: powers }],
  iterations: [],
  nodes: [],
};

test("launches and copies, in order", () => {
  const sequence: Sequence = [launch, { kind: "copy", id: 1, from: powers, to: kept }, { ...launch, id: 2 }];
  expect(checkSequence(sequence, plan)).toBeNull();
  const buffers = new Map<Buffer, Memory>([
    [powers, { element: "f32", data: [1, 2, 3, 4, 5] }],
    [kept, { element: "f32", data: [0, 0, 0, 0, 0] }],
  ]);
  evaluateSequence(sequence, buffers, { seed: 4 });
  expect(buffers.get(powers)?.data).toEqual([9, 18, 27, 36, 45]);
  expect(buffers.get(kept)?.data).toEqual([3, 6, 9, 12, 15]);
  expect(() => evaluateSequence(sequence, new Map())).toThrow("the buffer powers is not given");
});

describe("check", () => {
  const wrong: readonly (readonly [string, Sequence])[] = [
    ["launch of next: sums is not given", [{ ...launch, bindings: [] }]],
    [
      "launch of next: other is not a parameter, or is given twice",
      [{ ...launch, bindings: [...launch.bindings, { param: "other", buffer: powers }] }],
    ],
    ["the buffer state lost is not planned", [{ kind: "copy", id: 1, from: lost, to: kept }]],
    ["two steps have the id 0", [launch, launch]],
    ["copy of flag to kept: they differ in element type or count", [{ kind: "copy", id: 1, from: flag, to: kept }]],
    ["copy of kept to itself", [{ kind: "copy", id: 1, from: kept, to: kept }]],
    ["launch of next: sums is f32[5], flag is bool[1]", [{ ...launch, bindings: [{ param: "sums", buffer: flag }] }]],
    [
      "kernel next: store to sums, which is not declared",
      [{ ...launch, kernel: { ...next, buffers: [] }, bindings: [] }],
    ],
  ];

  const t = loopVar("t", 3);
  const around = (body: Sequence): Sequence => [{ kind: "loop", id: 9, name: "loop", loop: t, body, carried: [] }];
  const told = { ...next, iterations: [loopVar("t", 3)] };
  const row = (offset: number, by: number): Row => ({ count: 2, offset, strides: [{ loop: t, by }] });
  const rowCopy = (fromRow: Row): Copy => ({ kind: "copy", id: 1, from: powers, to: kept, fromRow, toRow: row(0, 1) });
  const inLoops: readonly (readonly [string, Sequence])[] = [
    ["launch of next: its loops are not those of the kernel", around([{ ...launch, iterations: [t] }])],
    ["launch of next: its loops are not those of the kernel", around([{ ...launch, kernel: told }])],
    ["launch of next: it is told of a loop that is not around it", [{ ...launch, kernel: told, iterations: [t] }]],
    ["two steps have the id 9", around(around([launch]))],
    ["rows of powers lie at 1 to 7 of 5", around([rowCopy(row(1, 2))])],
    ["rows of powers lie at -2 to 4 of 5", around([rowCopy(row(2, -2))])],
    ["a row of powers moves with t, which is no loop around", [rowCopy(row(0, 1))]],
    ["powers is no flag: f32[5]", [{ kind: "if", id: 3, name: "if", flag: powers, yes: [launch], no: [] }]],
  ];

  test("steps in loops", () => {
    expect(checkSequence(around([{ ...launch, kernel: told, iterations: [t] }, rowCopy(row(0, 1))]), plan)).toBeNull();
  });

  test.each([...wrong, ...inLoops])("%s", (words, sequence) => {
    expect(checkSequence(sequence, plan)).toBe(words);
  });

  test("a written buffer is bound once", () => {
    const both = kernel("both", [buffer("read", "x", 5), buffer("write", "y", 5)], []);
    const bind = (x: Buffer, y: Buffer): Sequence => [
      {
        kind: "launch",
        id: 0,
        iterations: [],
        nodes: [],
        name: "both",
        kernel: both,
        bindings: [
          { param: "x", buffer: x },
          { param: "y", buffer: y },
        ],
      },
    ];
    expect(checkSequence(bind(kept, powers), plan)).toBeNull();
    expect(checkSequence(bind(kept, kept), plan)).toBe("launch of both: kept is written and bound twice");
  });

  test("without a plan, buffers are taken as they are", () => {
    expect(checkSequence([{ kind: "copy", id: 1, from: lost, to: powers }, launch])).toBeNull();
  });
});
