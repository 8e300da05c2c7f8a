/**
 * What a user is told when there is no GPU, when it goes away, and when it has too little memory.
 */
import { deepStrictEqual, match, ok, rejects, strictEqual, throws } from "node:assert/strict";
import type { WgslArtifact } from "../../../codegen/wgsl/artifact.ts";
import { compile } from "../../../src/compile.ts";
import { DeviceError, UserError } from "../../../src/core/errors.ts";
import { filled, zeros } from "../../../src/dsl/initializers.ts";
import { add, mul, sum } from "../../../src/dsl/ops.ts";
import { program } from "../../../src/dsl/program.ts";
import { f32, f64, slot } from "../../../src/dsl/spec.ts";
import { nodeGpu } from "../../../src/node.ts";
import type { CompiledEntry } from "../../../src/program/compiled.ts";
import { deviceSource, openDevice } from "../../../src/runtime/webgpu/connection.ts";
import { labelPrefix } from "../../../src/runtime/webgpu/health.ts";
import { WebGpuMachine } from "../../../src/runtime/webgpu/machine.ts";
import { examineTargets, selfCheck } from "../../../src/tools/doctor.ts";
import type { Gpu, GpuCase } from "../case.ts";
import { countedDevice } from "../counted-device.ts";

const counter = () =>
  program({
    state: { n: slot(filled(1, 300)) },
    step: (_, { n }) => ({ outputs: { total: sum(n) }, next: { n: add(n, 1) } }),
  });

/** A WebGPU of our own making: what the user hands in may be anything. */
function gpuOf(requestAdapter: () => Promise<GPUAdapter | null>): GPU {
  return { requestAdapter } as unknown as GPU;
}

/** A device of its own, with the default limits, for a case that breaks it. */
async function freshDevice({ gpu }: Gpu): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  ok(adapter !== null);
  return adapter.requestDevice();
}

function isDeviceError(...texts: readonly RegExp[]) {
  return (error: unknown): boolean => {
    ok(error instanceof DeviceError, String(error));
    for (const text of texts) match(error.message, text);
    return true;
  };
}

export const cases: readonly GpuCase[] = [
  {
    name: "no WebGPU, or no adapter: wgsl says what to install, auto goes to the CPU and says why",
    async run() {
      const none = gpuOf(async () => null);
      await rejects(compile(counter(), { target: "wgsl" }), isDeviceError(/npm install webgpu/, /nodeGpu/));
      await rejects(compile(counter(), { target: "wgsl", gpu: none }), isDeviceError(/found no GPU.*driver/));
      for (const options of [{}, { gpu: none }]) {
        const executable = await compile(counter(), options);
        strictEqual(executable.report.target, "wasm");
        match(executable.report.why, /^auto: no GPU, as/);
        executable.dispose();
      }
    },
  },
  {
    name: "auto leaves a software GPU alone, and takes a device that it is given, but not for f64",
    async run({ gpu, adapter, device }) {
      const software = adapter.info.isFallbackAdapter || /swiftshader|llvmpipe/i.test(adapter.info.description);
      const found = await compile(counter(), { gpu });
      strictEqual(found.report.target, software ? "wasm" : "wgsl");
      match(found.report.why, software ? /is software: ask for "wgsl"/ : /a GPU/);
      found.dispose();
      const given = await compile(counter(), { device });
      strictEqual(given.report.target, "wgsl");
      given.dispose();
      const wide = program({ inputs: { x: f64(3) }, step: ({ x }) => ({ outputs: { y: mul(x, 2) } }) });
      const exact = await compile(wide, { device });
      strictEqual(exact.report.target, "js");
      match(exact.report.why, /f64/);
    },
  },
  {
    name: "nodeGpu gives one WebGPU for the process, and a program on a device of its own",
    async run() {
      const gpu = await nodeGpu();
      strictEqual(await nodeGpu(), gpu);
      const executable = await compile(counter(), { target: "wgsl", gpu });
      executable.step();
      strictEqual(await executable.read("total"), 300);
      executable.dispose();
    },
  },
  {
    name: "f64 on wgsl names the user's line",
    async run({ device }) {
      const wide = program({ inputs: { x: f64(3) }, step: ({ x }) => ({ outputs: { y: mul(x, 2) } }) });
      await rejects(compile(wide, { target: "wgsl", device }), (error) => {
        ok(error instanceof UserError);
        match(error.message, /the wgsl target has no f64.*errors\.ts:\d+/s);
        return true;
      });
    },
  },
  {
    name: "a tensor or a segment beyond the limits: bytes asked for, and bytes allowed",
    async run(gpu) {
      const device = await freshDevice(gpu);
      const large = program({ inputs: { x: f32(50_000_000) }, step: ({ x }) => ({ outputs: { s: sum(x) } }) });
      const tensor = isDeviceError(/"input x"/, /200,000,000 bytes/, /134,217,728 \(maxStorageBufferBindingSize\)/);
      await rejects(compile(large, { target: "wgsl", device }), tensor);
      const half = () => slot(zeros(33_000_000));
      const states = program({
        state: { a: half(), b: half(), c: half() },
        step: (_, { a }) => ({ outputs: { s: sum(a) } }),
      });
      const segment = isDeviceError(/the states/, /396,000,\d\d\d bytes/, /268,435,456 \(maxBufferSize\)/);
      await rejects(compile(states, { target: "wgsl", device }), segment);
      device.destroy();
    },
  },
  {
    name: "a lost device: a pending read rejects, and every later call gives the same error",
    async run(gpu) {
      const device = await freshDevice(gpu);
      const executable = await compile(counter(), { target: "wgsl", device });
      executable.step();
      strictEqual(await executable.read("total"), 300);
      executable.step();
      const pending = executable.read("total");
      device.destroy();
      const lost = isDeviceError(/was destroyed/, /compile again/);
      await rejects(pending, lost);
      throws(() => executable.step(), lost);
      await rejects(executable.read("total"), lost);
      await rejects(executable.run({ entry: "step" }), lost);
      await rejects(executable.state.read("n"), lost);
      executable.dispose();
    },
  },
  {
    name: "an error of ours that nothing caught is warned of, and every later call throws it",
    async run(gpu) {
      const device = await freshDevice(gpu);
      const warnings: string[] = [];
      const executable = await compile(counter(), { target: "wgsl", device, onWarning: (text) => warnings.push(text) });
      // gpu.test.ts sees that it is not on stdout
      device.createBuffer({ label: `${labelPrefix} broken`, size: 4, usage: 0x7fffffff });
      await device.queue.onSubmittedWorkDone();
      const refused = isDeviceError(/refused a command/, /broken/);
      throws(() => executable.step(), refused);
      await rejects(executable.read("total"), refused);
      deepStrictEqual([warnings.length, executable.report.warnings], [1, warnings]);
      executable.dispose();
      device.destroy();
    },
  },
  {
    name: "an error that comes after dispose is not on stdout either; one of the device's owner is theirs",
    async run(gpu) {
      const device = await freshDevice(gpu);
      const warnings: string[] = [];
      const executable = await compile(counter(), { target: "wgsl", device, onWarning: (text) => warnings.push(text) });
      const heard: string[] = [];
      device.addEventListener("uncapturederror", (event) => {
        if (!event.defaultPrevented) heard.push(event.error.message);
        event.preventDefault();
      });
      device.createBuffer({ label: "mine", size: 4, usage: 0x7fffffff });
      device.createBuffer({ label: `${labelPrefix} late`, size: 4, usage: 0x7fffffff });
      executable.dispose();
      await device.queue.onSubmittedWorkDone();
      deepStrictEqual([warnings.length, heard.length], [1, 1]);
      match(`${heard[0]}, ${warnings[0]}`, /mine.*late/s);
      device.destroy();
    },
  },
  {
    name: "a disposed executable says so; its own device is destroyed, one handed in is not",
    async run({ gpu, device }) {
      const kept = await compile(counter(), { target: "wgsl", device });
      kept.step();
      const pending = kept.read("total");
      kept.dispose();
      kept.dispose();
      await rejects(pending, /disposed/);
      throws(() => kept.step(), /disposed/);
      await rejects(kept.state.read("n"), /disposed/);
      const error = await Promise.race([device.lost, device.queue.onSubmittedWorkDone()]);
      strictEqual(error, undefined, "the shared device lives");

      const adapter = await gpu.requestAdapter();
      ok(adapter !== null);
      const made: GPUDevice[] = [];
      const requestDevice = async (descriptor?: GPUDeviceDescriptor): Promise<GPUDevice> => {
        const own = await adapter.requestDevice(descriptor);
        made.push(own);
        return own;
      };
      const { features, limits, info } = adapter;
      const watched = gpuOf(async () => ({ features, limits, info, requestDevice }) as unknown as GPUAdapter);
      const executable = await compile(counter(), { target: "wgsl", gpu: watched });
      executable.step();
      executable.dispose();
      strictEqual((await made[0]?.lost)?.reason, "destroyed");
    },
  },
  {
    name: "a kernel that the GPU refuses is a DeviceError with the compiler's words and the text",
    async run({ device }) {
      const printed = {
        source: "@compute @workgroup_size(1) fn main() { let x: f32 = missing; }",
        entryPoint: "main",
        workgroups: [1, 1, 1],
        workgroupSize: 1,
        bindings: [],
        iterations: 0,
      } as const;
      const machine = await WebGpuMachine.create(await openDevice(deviceSource(device)), 4);
      const entry: CompiledEntry<WgslArtifact> = {
        name: "step",
        dims: {},
        artifact: {
          kernels: [printed],
          steps: [{ kind: "launch", id: 0, label: "k0", kernel: 0, bindings: [], iterations: [] }],
          joined: [],
        },
        buffers: new Map(),
        inputs: [],
        outputs: new Map(),
        segmentBytes: { state: 4, input: 0, output: 0, arena: 0, held: 0 },
        freedAfter: new Map(),
      };
      await rejects(machine.prepare(entry), isDeviceError(/refused the kernel k0/, /missing/, /let x: f32/));
      machine.dispose();
    },
  },
  {
    name: "the doctor: what works, what does not and why, and a device that computes nonsense",
    async run({ gpu, device }) {
      const [js, wasm, wgsl] = await examineTargets({ gpu });
      strictEqual(js?.works, true);
      strictEqual(wasm?.works, true);
      strictEqual(wgsl?.works, true, wgsl?.reason);
      match(wgsl.device ?? "", /^wgsl \(/);
      const [, , missing] = await examineTargets({ gpu: gpuOf(async () => null) });
      strictEqual(missing?.works, false);
      match(`${missing.reason} ${missing.advice}`, /found no GPU.*npm install webgpu/);
      const [, , broken] = await examineTargets({ gpu: () => Promise.reject(new DeviceError("no package")) });
      strictEqual(broken?.reason, "no package");

      const { worst } = await selfCheck({ target: "wgsl", device });
      ok(worst < 1e-6, `${worst}`);
      const idle = countedDevice(device, { dispatch: false });
      const found = await selfCheck({ target: "wgsl", device: idle.device });
      ok(!(found.worst < 1e-3), "a device that runs nothing is noticed");
    },
  },
];
