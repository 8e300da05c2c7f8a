/** The wasm target on engines that lack vectors, have the relaxed ones, or hide them behind a flag. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { importedMemory, importNames } from "../../../codegen/wasm/abi.ts";
import { writeBarrier } from "../../../codegen/wasm/barrier.ts";
import { WasmModule } from "../../../codegen/wasm/module.ts";
import { wasmFeatures } from "../../../codegen/wasm/probe.ts";
import { compile } from "../../../src/compile.ts";
import { f32, matmul, ones, param, program } from "../../../src/index.ts";
import { allowRelaxedSimd, joinsVectors } from "../../../src/runtime/wasm/host.ts";
import { WasmMachine } from "../../../src/runtime/wasm/machine.ts";
import { fakeEntry, launch, slot } from "./fake-entry.ts";

describe("vectors joined to ones of 256 bits", () => {
  const flag = "--experimental-wasm-revectorize";
  const node = { versions: { node: "24.1.0" }, arch: "x64", execArgv: [flag] };

  test("are there where the user gave Node 24 the flag, on x86-64", () => {
    expect(joinsVectors({ process: node })).toBe(true);
    expect(joinsVectors({ process: { ...node, execArgv: ["--experimental_wasm_revectorize"] } })).toBe(true);
    expect(joinsVectors({ process: { ...node, execArgv: [flag, "--no-experimental-wasm-revectorize"] } })).toBe(false);
    expect(joinsVectors({ process: { ...node, execArgv: [] } })).toBe(false);
    expect(joinsVectors({ process: { ...node, arch: "arm64" } })).toBe(false);
    expect(joinsVectors({ process: { ...node, versions: { node: "22.9.0" } } })).toBe(false);
    expect(joinsVectors({})).toBe(false);
  });
});

describe("relaxed SIMD", () => {
  const flagsSet = (version: string): string[] => {
    const flags: string[] = [];
    const v8 = { setFlagsFromString: (flag: string) => flags.push(flag) };
    const getBuiltinModule = (id: string): unknown => (id === "node:v8" ? v8 : undefined);
    allowRelaxedSimd({ process: { getBuiltinModule, versions: { node: version } } });
    return flags;
  };

  test("needs a flag in Node 20 alone", () => {
    expect(flagsSet("20.19.0")).toEqual(["--experimental-wasm-relaxed-simd"]);
    expect(flagsSet("21.0.0")).toEqual([]);
    expect(flagsSet("24.1.0")).toEqual([]);
    expect(() => allowRelaxedSimd({})).not.toThrow();
  });

  test("is there after that, in workers too", async () => {
    const features = () => wasmFeatures((bytes) => WebAssembly.validate(bytes));
    allowRelaxedSimd();
    expect(features()).toEqual({ simd: true, relaxed: true });
    const machine = new WasmMachine(0, { threads: 2 });
    const entry = fakeEntry("train", 8, [launch("rotate", "x", "y")], machine.crew);
    const wasm = new WasmModule(entry.artifact.bases);
    wasm.importMemory(importNames.module, importNames.memory, importedMemory(true));
    const barrier = writeBarrier(wasm, 2);
    const run = wasm.function("run", ["i32"], ["i32"], (f, [thread]) => {
      if (thread === undefined) return;
      f.get(thread);
      f.constI32(4);
      f.op("i32.shl");
      for (const value of [3, 5, 7]) {
        f.constF32(value);
        f.op("f32x4.splat");
      }
      f.op("f32x4.relaxed_madd");
      f.memory("v128.store", { region: "output", offset: 0 });
      f.get(thread);
      f.call(barrier);
    });
    wasm.export("run", run);
    const module = wasm.finish();
    const runner = await machine.prepare({
      ...entry,
      artifact: { ...entry.artifact, module, relocations: wasm.relocations },
    });
    runner.run();
    expect(await runner.read(slot("y", "output", 0, 8))).toEqual(new Float32Array(8).fill(22));
    machine.dispose();
  });
});

describe("an engine", () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  const model = program({
    inputs: { x: f32(8, 8) },
    state: { w: param(ones(8, 8)) },
    entries: { predict: ({ x: rows }, { w }) => ({ outputs: { y: matmul(rows, w) } }) },
  });
  const relaxedMadd = [0xfd, 0x85, 0x02];
  const hasRelaxed = (bytes: Uint8Array): boolean =>
    bytes.some((_, i) => relaxedMadd.every((byte, k) => bytes[i + k] === byte));

  test("without SIMD is an error that names the js target", async () => {
    vi.spyOn(WebAssembly, "validate").mockReturnValue(false);
    await expect(compile(model, { target: "wasm" })).rejects.toThrow(/no WebAssembly SIMD. Use target: "js"/);
  });

  test.each([true, false])("is given relaxed SIMD only where it has it (%s)", async (isThere) => {
    const validate = WebAssembly.validate;
    vi.spyOn(WebAssembly, "validate").mockImplementation(
      (bytes) => (isThere || !hasRelaxed(bytes as Uint8Array)) && validate(bytes),
    );
    const compiled = vi.spyOn(WebAssembly, "Module");
    const executable = await compile(model, { target: "wasm", threads: 1 });
    const { y } = await executable.run({ entry: "predict", feeds: { x: new Float32Array(64).fill(0.5) } });
    expect(y).toEqual(new Float32Array(64).fill(4));
    // an empty module, of a header alone, asks whether the page lets us compile
    const modules = compiled.mock.calls.map(([bytes]) => bytes as Uint8Array).filter(({ length }) => length > 8);
    expect(modules.map(hasRelaxed)).toEqual([isThere]);
    executable.dispose();
  });
});
