/**
 * The text of modules: every function of real programs is read to its end, each instruction of the writer's table reads as it was
 * written, and what it says is a module that the engine takes.
 */
import { expect, test } from "vitest";
import type { WasmArtifact } from "../../../codegen/wasm/artifact.ts";
import { disassemble, printDisassembled } from "../../../codegen/wasm/disassemble.ts";
import { WasmModule } from "../../../codegen/wasm/module.ts";
import { stagesOf } from "../../../src/compile.ts";
import { plannedTargets } from "../../../src/eager-targets.ts";
import { rmsprop } from "../../../src/index.ts";
import transformer from "../../cli/scripts/transformer.ts";
import { mnistStep } from "../../mnist-step.ts";

test("a function as text, with names, blocks, immediates and places", () => {
  const module = new WasmModule();
  module.importMemory("env", "memory", { min: 1, shared: false });
  const imported = module.importFunction("env", "mod", ["f32", "f32"], ["f32"]);
  const f = module.function("scale", ["i32"], [], (f, [n]) => {
    if (n === undefined) return;
    const sum = f.local("v128");
    f.block([], () => {
      f.get(n);
      f.op("i32.eqz");
      f.if([], () => {
        f.get(n);
        f.constF32(-1.5);
        f.constF32(Number.POSITIVE_INFINITY);
        f.call(imported);
        f.memory("f32.store", 8);
      });
    });
    f.get(n);
    f.memory("v128.load", 16);
    f.set(sum);
  });
  module.export("scale", f);
  const bytes = module.finish();
  const { functions, exports } = disassemble(bytes);
  expect(exports.get("scale")).toBe(1);
  const made = functions[1];
  if (made === undefined) throw new Error("no function");
  expect(printDisassembled(made, functions).split("\n")).toEqual([
    "(func $scale (param i32) (local v128)",
    "  block",
    "    local.get 0",
    "    i32.eqz",
    "    if",
    "      local.get 0",
    "      f32.const -1.5",
    "      f32.const inf",
    "      call $mod",
    "      f32.store offset=8",
    "    end",
    "  end",
    "  local.get 0",
    "  v128.load offset=16",
    "  local.set 1",
    ")",
  ]);
  // Each line names its bytes: together they are the body, but for its locals and its end.
  for (const [i, { offset, bytes: length }] of made.lines.entries()) {
    const next = made.lines[i + 1]?.offset ?? made.offset + made.bytes - 1;
    expect(offset + length).toBe(next);
  }
  expect(bytes[made.offset + made.bytes - 1]).toBe(0x0b);
});

test.each([
  ["the MNIST step", mnistStep(rmsprop()), { batch: 128 }],
  ["a transformer", transformer, {}],
] as const)("all of %s", (_, program, dims) => {
  const { artifact } = stagesOf(program, "train", dims, plannedTargets.wasm).entry;
  const { module } = artifact as WasmArtifact;
  const { functions, exports } = disassemble(module);
  expect([...exports.keys()].toSorted()).toEqual(
    WebAssembly.Module.exports(new WebAssembly.Module(module))
      .map(({ name }) => name)
      .toSorted(),
  );
  expect(functions.filter(({ lines }) => lines.length > 0).length).toBeGreaterThan(5);
  const called = functions.flatMap(({ lines }) =>
    lines.flatMap(({ callee }) => (callee === undefined ? [] : [callee])),
  );
  expect(called.length).toBeGreaterThan(5);
  for (const callee of called) expect(functions[callee]?.name).not.toBe("");
});
