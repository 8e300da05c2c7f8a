/** The wasm target on engines that lack vectors, have the relaxed ones, or hide them behind a flag. */
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { importedMemory, importNames } from "../../../codegen/wasm/abi.ts";
import { writeBarrier } from "../../../codegen/wasm/barrier.ts";
import { WasmModule } from "../../../codegen/wasm/module.ts";
import { wasmFeatures } from "../../../codegen/wasm/probe.ts";
import { compile } from "../../../src/compile.ts";
import { f32, matmul, ones, param, program } from "../../../src/index.ts";
import type { VectorBits } from "../../../src/runtime/vectors.ts";
import { findJoining, findOptimizing, type JoiningCheck } from "../../../src/runtime/wasm/code.ts";
import { allowRelaxedSimd, type Instantiate, instantiatePlain } from "../../../src/runtime/wasm/host.ts";
import { whyNotJoined } from "../../../src/runtime/wasm/joining-check.ts";
import { WasmMachine } from "../../../src/runtime/wasm/machine.ts";
import { runScript } from "../run-script.ts";
import { fakeEntry, launch, slot } from "./fake-entry.ts";

describe("vectors joined to ones of 256 bits", () => {
  const node = { versions: { node: "26.1.0" }, arch: "x64", execArgv: [], env: {} };
  const sound: JoiningCheck = () => null;

  /** What V8 is told while a module is compiled, and what is found. */
  function found(process: object, wanted?: VectorBits, check = sound) {
    const flags: string[] = [];
    const v8 = { setFlagsFromString: (flag: string) => flags.push(flag) };
    const getBuiltinModule = (id: string): unknown => (id === "node:v8" ? v8 : undefined);
    const joining = findJoining(wanted, true, { process: { ...node, getBuiltinModule, ...process } }, check);
    joining.instantiate(new WasmModule().finish(), {});
    return { lack: joining.lack, flags };
  }

  const during = ["--allow-natives-syntax", "--experimental-wasm-revectorize"];
  const usual = ["--no-allow-natives-syntax", "--no-experimental-wasm-revectorize"];

  /** No others: V8 ends the process where `liftoff` or `wasm-inlining` change while it optimizes another module behind. */
  test("flags stand around what optimizes a module, from Node 24 on", () => {
    expect(found({})).toEqual({ lack: null, flags: [...during, ...usual] });
    expect(found({ versions: { node: "24.0.0" } }, 256)).toEqual({ lack: null, flags: [...during, ...usual] });
  });

  test("are taken back where one is refused", () => {
    const flags: string[] = [];
    const setFlagsFromString = (flag: string): void => {
      flags.push(flag);
      if (flag === during[1]) throw new SyntaxError("refused");
    };
    const getBuiltinModule = (): unknown => ({ setFlagsFromString });
    const joining = findJoining(256, true, { process: { ...node, getBuiltinModule } }, sound);
    const module = new WasmModule();
    module.export(
      "go",
      module.function("go", [], [], () => undefined),
    );
    expect(() => joining.instantiate(module.finish(), {})).toThrow(SyntaxError);
    expect(flags).toEqual([...during, ...usual]);
  });

  test("what the command line says of a flag is what it comes back to", () => {
    const back = (...execArgv: string[]): readonly string[] => found({ execArgv }).flags.slice(during.length);
    expect(back("--allow_natives_syntax")).toEqual(usual.with(0, "--allow-natives-syntax"));
    expect(back("--experimental_wasm_revectorize")).toEqual(usual.with(1, "--experimental-wasm-revectorize"));
    expect(back("--experimental-wasm-revectorize", "--no-experimental-wasm-revectorize")).toEqual(usual);
  });

  test.each([
    ["asked for", {}, 128],
    ["asked for", { env: { TENSORLOOM_VECTORS: "128" } }, undefined],
    ["Node 22 cannot join vectors: Node 24 and newer can", { versions: { node: "22.9.0" } }, 256],
    ["vectors are joined on x86-64, not on arm64", { arch: "arm64" }, "auto"],
    ["the flags of V8 are frozen", { execArgv: ["--freeze_flags_after_init"] }, 256],
    ["only Node can be told to join vectors", { versions: { node: "24.0.0", bun: "1.3.0" } }, undefined],
    ["only Node can be told to join vectors", { versions: {} }, undefined],
    ["the flags of V8 cannot be set: node:v8 is missing", { getBuiltinModule: () => undefined }, undefined],
  ] as const)("%s: no flag is touched", (lack, process, wanted) => {
    expect(found(process, wanted)).toEqual({ lack, flags: [] });
  });

  test("are there where this machine is said to have them", () => {
    const lack = findJoining(undefined, true).lack;
    expect(process.env.REQUIRE_WIDE === "1" ? lack : null).toBeNull();
  });

  test("a flag that is gone, and a check that fails, leave 128", () => {
    const getBuiltinModule = (): unknown => ({ setFlagsFromString: () => { throw new Error("no such flag"); } }); // biome-ignore format: short
    const lost = findJoining("auto", false, { process: { ...node, getBuiltinModule } }, whyNotJoined);
    expect(lost.lack).toBe("the flags of V8 cannot be set: no such flag");
    expect(found({}, "auto", () => "it is slow")).toEqual({ lack: "it is slow", flags: [] });
    const env = { get TENSORLOOM_VECTORS(): string { throw new Error("Requires env access"); } }; // biome-ignore format: short
    expect(found({ env })).toEqual(found({}));
    expect(() => found({ env: { TENSORLOOM_VECTORS: "512" } })).toThrow(
      'TENSORLOOM_VECTORS must be auto, 128 or 256, not "512"',
    );
  });

  test("the check finds an engine that joins nothing, and one that computes something else", () => {
    allowRelaxedSimd();
    // A section of its own: for the same bytes an engine gives what it has compiled before, joined.
    const instantiate: Instantiate = (bytes, imports) =>
      instantiatePlain(Uint8Array.of(...bytes, 0, 2, 1, 0x78), imports);
    for (const relaxed of [true, false])
      expect(whyNotJoined(instantiate, instantiate, relaxed)).toBe(
        "this engine or this processor does not join vectors",
      );
    const turned: Instantiate = (bytes, imports) => {
      const wrong = bytes.slice();
      const opcode = [0xfd, 0xe5, 0x01]; // f32x4.sub
      const at = wrong.findIndex((_, i) => opcode.every((byte, k) => wrong[i + k] === byte));
      wrong[at + 1] = 0xe4; // f32x4.add
      return instantiatePlain(wrong, imports);
    };
    expect(whyNotJoined(turned, instantiate, true)).toBe("this engine joins vectors wrongly (f32x4.sub)");
  });

  test("training goes on at 128 bits: the report says why, and a warning where 256 were asked for", () => {
    const warnings: string[] = [];
    const machineWith = (lack: string | null, isWanted: boolean): WasmMachine =>
      new WasmMachine(0, {
        threads: 1,
        joining: { lack, isWanted, instantiate: instantiatePlain },
        onWarning: (message) => warnings.push(message),
      });
    const machines = [machineWith(null, true), machineWith("none here", false), machineWith("none here", true)];
    const remark = "vectors of 128 bits: none here";
    expect(machines.map(({ remarks }) => remarks)).toEqual([[], [remark], [remark]]);
    expect(machines.map(({ device }) => device)).toEqual([
      "wasm (1 thread, 256 bits)",
      "wasm (1 thread)",
      "wasm (1 thread)",
    ]);
    expect(warnings).toEqual([remark]);
    for (const machine of machines) machine.dispose();
  });
});

describe("modules optimized at once", () => {
  const during = ["--no-liftoff", "--no-wasm-lazy-compilation"];
  const usual = ["--liftoff", "--wasm-lazy-compilation"];

  /** What V8 is told while a module is compiled. */
  function flagsOf(
    versions: object,
    {
      execArgv = [],
      module = new WasmModule().finish(),
    }: { execArgv?: string[]; module?: Uint8Array<ArrayBuffer> } = {},
  ): readonly string[] {
    const flags: string[] = [];
    const v8 = { setFlagsFromString: (flag: string) => flags.push(flag) };
    const getBuiltinModule = (id: string): unknown => (id === "node:v8" ? v8 : undefined);
    const instantiate = findOptimizing({ process: { getBuiltinModule, versions, arch: "arm64", execArgv } });
    flags.length = 0; // it has been tried
    try {
      instantiate(module, {});
    } catch (error) {
      expect(error).toBeInstanceOf(WebAssembly.CompileError);
    }
    return flags;
  }

  test("flags stand around the compilation, refused or not, and come back to what the command line says", () => {
    const flags = [...during, ...usual];
    expect(flagsOf({ node: "20.19.0" })).toEqual(flags);
    expect(flagsOf({ node: "22.9.0" })).toEqual(flags);
    expect(flagsOf({ node: "20.19.0" }, { module: Uint8Array.of(1, 2, 3) })).toEqual(flags);
    expect(flagsOf({ node: "20.19.0" }, { execArgv: ["--no_liftoff"] })).toEqual(flags.with(2, "--no-liftoff"));
  });

  test("none are touched from Node 24 on, and by what calls itself Node", () => {
    for (const versions of [
      { node: "24.0.0" },
      { node: "20.1.0", bun: "1.3.0" },
      { node: "22.0.0", deno: "2.1.0" },
      {},
    ])
      expect(flagsOf(versions)).toEqual([]);
  });

  test("where they cannot be set the engine compiles as it does", () => {
    const module = new WasmModule().finish();
    const refuses = (): unknown => ({ setFlagsFromString: () => { throw new Error("no such flag"); } }); // biome-ignore format: short
    for (const getBuiltinModule of [refuses, () => undefined]) {
      const instantiate = findOptimizing({ process: { getBuiltinModule, versions: { node: "20.19.0" } } });
      expect(instantiate(module, {}).module).toBeInstanceOf(WebAssembly.Module);
    }
  });

  test("are those that compute much for their size", async () => {
    const optimized: string[] = [];
    const optimizing: Instantiate = (bytes, imports) => {
      optimized.push("one");
      return instantiatePlain(bytes, imports);
    };
    const machine = new WasmMachine(0, { threads: 1, optimizing });
    const entry = fakeEntry("train", 8, [launch("rotate", "x", "y")], machine.crew);
    const prepare = (work: number) => machine.prepare({ ...entry, artifact: { ...entry.artifact, work } });
    await prepare(1000 * entry.artifact.module.length);
    expect(optimized).toEqual([]);
    await prepare(4000 * entry.artifact.module.length);
    expect(optimized).toEqual(["one"]);
    machine.dispose();
  });
});

describe("a whole training run where vectors are not joined", () => {
  /** By a Node that cannot anyhow: that alone. */
  const tooOld =
    Number.parseInt(process.versions.node, 10) < 24 ? / cannot join vectors: Node 24 and newer can$/ : null;

  async function trained(how: string, env: Readonly<Record<string, string>>, flags: readonly string[] = []) {
    const { stdout, stderr } = await runScript("test/unit/wasm/narrow-child.ts", [how], env, flags);
    return { ...JSON.parse(stdout), stderr };
  }

  let plain: Awaited<ReturnType<typeof trained>>;
  beforeAll(async () => {
    plain = await trained("whole", { TENSORLOOM_VECTORS: "128" });
    expect(plain).toMatchObject({
      device: "wasm (2 threads)",
      remarks: ["vectors of 128 bits: asked for"],
      stderr: "",
    });
  });

  test.each([
    ["V8 without AVX2", "whole", ["--no-enable-avx2"], /does not join vectors$/],
    ["a flag of another name", "renamed", [], /does not join vectors$/],
    ["flags that cannot be set", "gone", [], /the flags of V8 cannot be set: flags are locked$/],
    ["a module that computes something else", "wrong", [], /joins vectors wrongly \(f32x4\.sub\)$/],
  ] as const)("%s: it goes on at 128 bits, to the same losses, and says why", async (_, how, flags, reason) => {
    const auto = await trained(how, { TENSORLOOM_VECTORS: "256" }, flags);
    const why = expect.stringMatching(tooOld ?? reason);
    expect(auto).toMatchObject({ device: "wasm (2 threads)", remarks: [why], warnings: [why], losses: plain.losses });
    expect(auto.losses).toHaveLength(3);
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

  test("says in its report why vectors are narrow", async () => {
    const executable = await compile(model, { target: "wasm", vectors: 128 });
    expect(executable.report.remarks).toEqual(["vectors of 128 bits: asked for"]);
    executable.dispose();
    const wide: object = { target: "wasm", vectors: 512 };
    await expect(compile(model, wide)).rejects.toThrow('vectors must be one of "auto", 128, 256, not 512');
  });

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
    const executable = await compile(model, { target: "wasm", threads: 1, vectors: 128 });
    const { y } = await executable.run({ entry: "predict", feeds: { x: new Float32Array(64).fill(0.5) } });
    expect(y).toEqual(new Float32Array(64).fill(4));
    // an empty module, of a header alone, asks whether the page lets us compile
    const modules = compiled.mock.calls.map(([bytes]) => bytes as Uint8Array).filter(({ length }) => length > 8);
    expect(modules.map(hasRelaxed)).toEqual([isThere]);
    executable.dispose();
  });
});
