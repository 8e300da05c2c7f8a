/** What `run` writes around the calls of its steps: where threads meet, and the clock of who measures them. */
import { expect, test } from "vitest";
import { importNames } from "../../../codegen/wasm/abi.ts";
import { wasmPrinter } from "../../../codegen/wasm/step.ts";
import type { Sequence } from "../../../src/program/sequence.ts";
import { moduleImports } from "../../../src/runtime/wasm/worker.ts";
import { bufferOf } from "../../buffers.ts";
import { constant, loopIndex, store } from "../../kernel-pool.ts";
import { buffer, kernelOf, loop, nestOf } from "../js-case.ts";

const i = loop("i", 8);
const nest = nestOf([i], [store("y", loopIndex(i), constant("u32", 1))]);
const kernel = kernelOf("k0", [buffer("y", "u8", 8, "write")], [{ ...nest, loops: [{ loop: i, mark: "thread" }] }]);
const flag = bufferOf("flag", 1, "arena", "bool");
const [a, b] = [bufferOf("a", 8, "arena", "u8"), bufferOf("b", 8, "arena", "u8")];
const slots = [flag, a, b].map((made, n) => [made, { ...made, offset: 64 * n, bytes: made.count }] as const);

let ids = 0;
const launch = (to: typeof a): Sequence => {
  const id = ids++;
  return [
    { kind: "launch", id, name: `k${id}`, kernel, bindings: [{ param: "y", buffer: to }], iterations: [], nodes: [] },
  ];
};
const when = (yes: Sequence, no: Sequence): Sequence => [{ kind: "if", id: ids++, name: "if", flag, yes, no }];
const loopWhile = (test: Sequence, body: Sequence): Sequence => [
  { kind: "while", id: ids++, name: "while", test, flag, most: 9, body, carried: [] },
];

function printed(sequence: Sequence, threads: number, clocked = false) {
  return wasmPrinter({ relaxed: false })(
    sequence,
    { buffers: new Map(slots), segmentBytes: { state: 0, input: 0, output: 0, held: 0, arena: 192 } },
    { threads, sparing: false, shared: true },
    clocked,
  );
}

test.each([
  ["only behind the last of launches in which each thread writes the same elements", [...launch(a), ...launch(a)], 1],
  ["only behind the last of launches that have nothing in common", [...launch(a), ...launch(b)], 1],
  ["behind both ways of a branch", when(launch(a), launch(b)), 2],
  ["behind a way that does nothing: what comes next may write the flag", when([], launch(b)), 2],
  ["behind a loop that a flag ends, as behind its test and its body", loopWhile(launch(a), launch(b)), 3],
  ["in a loop whose body is empty", loopWhile(launch(a), []), 3],
] as const)("threads meet %s", (_, sequence, meetings) => {
  // i32.const 1; return; end
  const { module: bytes } = printed(sequence, 2);
  const found = bytes.filter(
    (byte, n) => byte === 0x41 && bytes[n + 1] === 1 && bytes[n + 2] === 0x0f && bytes[n + 3] === 0x0b,
  );
  expect(found).toHaveLength(meetings);
});

test("a clock is told where each call begins and ends, and where the run does", () => {
  const { module: bytes, end } = printed([...launch(a), ...launch(b), ...launch(a)], 1, true);
  const pages = Math.ceil(end / 65_536);
  const imports = moduleImports(new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }));
  const told: number[][] = [];
  const clock = (...mark: number[]) => void told.push(mark);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    [importNames.module]: { ...imports[importNames.module], [importNames.clock]: clock },
  });
  expect((exports.run as (thread: number) => number)(0)).toBe(0);
  expect(told).toEqual([0, 1, 2, 3, 4, 5, 6].map((mark) => [0, mark]));
});
