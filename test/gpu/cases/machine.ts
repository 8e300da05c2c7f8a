/**
 * The GPU's runtime on a sequence written by hand: launches, and copies within one buffer.
 */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { WgslArtifact } from "../../../codegen/wgsl/artifact.ts";
import { gpuBytes } from "../../../codegen/wgsl/layout.ts";
import { wgsl } from "../../../codegen/wgsl/target.ts";
import type { Kernel } from "../../../src/kernel/kernel.ts";
import { alone } from "../../../src/program/artifact.ts";
import type { BufferSlot, Segment } from "../../../src/program/buffer.ts";
import type { CompiledEntry } from "../../../src/program/compiled.ts";
import type { Sequence, Step } from "../../../src/program/sequence.ts";
import type { MachineOptions } from "../../../src/runtime/machine.ts";
import { deviceSource, openDevice } from "../../../src/runtime/webgpu/connection.ts";
import { WebGpuMachine } from "../../../src/runtime/webgpu/machine.ts";
import { bufferOf } from "../../buffers.ts";
import { apply, constant, load, loopIndex, store } from "../../kernel-pool.ts";
import { scheduleWgsl } from "../../unit/wgsl-samples.ts";
import type { GpuCase } from "../case.ts";
import { countedDevice } from "../counted-device.ts";

const count = 70;

/** x[p] = x[p] * 0.5 + add */
function kernel(add: number): Kernel {
  const p = { name: "p", extent: count };
  const value = apply("add", apply("mul", load("f32", "x", loopIndex(p)), constant("f32", 0.5)), constant("f32", add));
  const unscheduled: Kernel = {
    name: "k0_horner",
    buffers: [{ name: "x", element: "f32", count, role: "update" }],
    shared: [],
    nests: [{ loops: [{ loop: p, mark: "parallel" }], prelude: [], body: [store("x", loopIndex(p), value)] }],
    flops: 0,
    bytes: 0,
    iterations: [],
    schedule: [],
  };
  const limits = { maxInvocations: 256, maxWorkgroupStorage: 16384, maxWorkgroupsPerDimension: 65535 };
  return scheduleWgsl(unscheduled, limits);
}

function slotAt(name: string, segment: Segment, offset: number): BufferSlot {
  return { ...bufferOf(name, count, segment), bytes: gpuBytes("f32", count), offset };
}

function entryOf(sequence: Sequence, slots: readonly BufferSlot[]): CompiledEntry<WgslArtifact> {
  const buffers = new Map(slots.map((slot) => [slot, slot]));
  const segmentBytes = { state: 1024, input: 0, output: 512, arena: 0, held: 0 };
  return {
    name: "step",
    dims: {},
    artifact: wgsl.printer(wgsl.portable)(sequence, { buffers, segmentBytes }, alone),
    buffers,
    inputs: [],
    outputs: new Map(),
    segmentBytes,
    freedAfter: new Map(),
  };
}

const [a, b, out] = [slotAt("a", "state", 0), slotAt("b", "state", 512), slotAt("y", "output", 0)];
const bindings = [{ param: "x", buffer: a }];

const launch = (add: number): Step => ({
  kind: "launch",
  id: add,
  name: `k${add}`,
  kernel: kernel(add),
  bindings,
  iterations: [],
  nodes: [],
});

async function machineOn(device: GPUDevice, options?: MachineOptions): Promise<WebGpuMachine> {
  return WebGpuMachine.create(await openDevice(deviceSource(device)), 1024, options);
}

export const cases: readonly GpuCase[] = [
  {
    name: "launches and copies within one buffer are one submit",
    async run({ device }) {
      const { device: watched, counts } = countedDevice(device);
      const machine = await machineOn(watched);
      const sequence: Sequence = [
        ...[0, 1, 2].map(launch),
        { kind: "copy", id: 3, from: a, to: b },
        { kind: "copy", id: 4, from: b, to: out },
      ];
      const runner = await machine.prepare(entryOf(sequence, [a, b, out]));
      const start = Float32Array.from({ length: count }, (_, i) => i);
      machine.writeState(a, start);
      const submits = counts.submits;
      runner.run();
      strictEqual(counts.submits, submits + 1);
      strictEqual(counts.dispatches, 1); // of the three, which are small
      const expected = start.map((value) => {
        let x = value;
        for (const add of [0, 1, 2]) x = Math.fround(x * 0.5 + add);
        return x;
      });
      deepStrictEqual(await runner.read(out), expected);
      deepStrictEqual(await machine.readState(b), expected);
      const copies = gpuBytes("f32", count);
      deepStrictEqual(machine.allocatedBytes(), { state: 1024, arena: copies, held: 0, input: 0, output: 512 });
      machine.dispose();
      strictEqual(counts.live.size, 0);
    },
  },
  {
    name: "launches are apart where freed memory is poisoned, also of an entry without scratch",
    async run({ device }) {
      const { device: watched, counts } = countedDevice(device);
      const machine = await machineOn(watched, { poisonFreed: true });
      const runner = await machine.prepare(entryOf([0, 1].map(launch), [a]));
      machine.writeState(a, new Float32Array(count));
      runner.run();
      strictEqual(counts.dispatches, 2);
      deepStrictEqual(await machine.readState(a), new Float32Array(count).fill(1));
      machine.dispose();
    },
  },
];
