import { expect, test } from "vitest";
import { compile, compileOn } from "../../src/compile.ts";
import type { CompileOptions } from "../../src/compile-options.ts";
import { DeviceError, UserError } from "../../src/core/errors.ts";
import { normal, zeros } from "../../src/dsl/initializers.ts";
import { add, flip, grad, matmul, mul, sub, sum, tanh } from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32, param, slot } from "../../src/dsl/spec.ts";
import { jsTarget } from "../../src/eager-targets.ts";
import { nodeTarget } from "../../src/node.ts";
import { findJoining } from "../../src/runtime/wasm/code.ts";
import { examineTargets } from "../../src/tools/doctor.ts";

const doubling = () => program({ inputs: { x: f32(3) }, step: ({ x }) => ({ outputs: { y: mul(x, 2) } }) });

test("auto without a GPU is wasm, and the report says why", async () => {
  const executable = await compile(doubling());
  expect(executable.report.target).toBe("wasm");
  expect(executable.report.why).toMatch(/^auto: no GPU, as there is no WebGPU here/);
  const { y } = await executable.run({ entry: "step", feeds: { x: [1, 2, 3] } });
  expect(y).toEqual(Float32Array.of(2, 4, 6));
  executable.dispose();
});

test("wgsl without a GPU says what to install; a target that does not exist is named", async () => {
  await expect(compile(doubling(), { target: "wgsl" })).rejects.toThrow(DeviceError);
  await expect(compile(doubling(), { target: "wgsl" })).rejects.toThrow(/npm install webgpu/);
  const options = { target: "metal" } as unknown as CompileOptions;
  await expect(compile(doubling(), options)).rejects.toThrow(UserError);
  await expect(compile(doubling(), options)).rejects.toThrow(
    /compile: target must be one of "auto", "js", "wasm", "wgsl", not "metal"/,
  );
});

test("nodeTarget takes the names of targets, and says which there are", async () => {
  await expect(nodeTarget("cuda" as never)).rejects.toThrow(
    'nodeTarget: the target must be one of "auto", "js", "wasm", "wgsl", not "cuda"; did you mean "wgsl"?',
  );
  expect(await nodeTarget("js")).toEqual({ target: "js" });
  const executable = await compile(doubling(), await nodeTarget("auto")); // with what it says of a GPU that is lacking
  executable.dispose();
});

test("the doctor finds js and wasm in order, wasm in all its ways, and says what wgsl lacks", async () => {
  const [js, wasm, wgsl] = await examineTargets();
  expect(js).toEqual({ target: "js", works: true, device: "js" });
  expect(wasm).toMatchObject({ target: "wasm", works: true, device: expect.stringMatching(/^wasm \(\d threads?\)$/) });
  const lack = findJoining("auto", true).lack;
  const wide = lack === null ? { works: true } : { works: false, reason: lack };
  expect(wasm?.ways).toEqual([
    { way: "one thread, every operation rounded (precise: true)", works: true },
    { way: "one thread, multiply-adds rounded once", works: true },
    { way: "vectors of 256 bits", ...wide },
    { way: expect.stringMatching(/^\d threads$/), works: true },
  ]);
  expect(wgsl).toMatchObject({ target: "wgsl", works: false });
  expect(wgsl?.advice).toMatch(/npm install webgpu/);
});

/** States that cannot change in place (each needs the other's old value, turned round) beside some that can. */
function crossed() {
  const model = { u: param(normal(0, 1, 4, 6)), v: param(normal(0, 1, 6, 4)), b: param(zeros(6)) };
  return program({
    inputs: { x: f32(5, 4) },
    state: { model, m: { u: slot(zeros(4, 6)), v: slot(zeros(6, 4)), b: slot(zeros(6)) } },
    step({ x }, { model, m }) {
      const loss = sum(matmul(tanh(add(matmul(x, model.u), model.b)), model.v));
      const g = grad(loss, model);
      const mu = add(mul(flip(m.u, [0]), 0.5), g.u);
      const mv = add(mul(flip(m.v, [1]), 0.5), g.v);
      const mb = add(mul(m.b, 0.5), g.b);
      const next = { u: sub(model.u, mul(mu, 0.1)), v: sub(model.v, mul(mv, 0.1)), b: sub(model.b, mul(mb, 0.1)) };
      return { outputs: { loss }, next: { model: next, m: { u: mu, v: mv, b: mb } } };
    },
  });
}

test.each([[[]], [["order"]]] as const)(
  "no kernel takes more buffers than the target has, leaving out %j",
  async (skip) => {
    const x = Float32Array.from({ length: 20 }, (_, i) => Math.sin(i));
    const losses: unknown[] = [];
    for (const maxBuffers of [6, 7, 8, 64]) {
      const target = { ...jsTarget, traits: { ...jsTarget.traits, maxBuffers } };
      const widths: number[] = [];
      const policy: typeof target.scheduling.policy = (facts, kernel) => {
        widths.push(kernel.buffers.length);
        return target.scheduling.policy(facts, kernel);
      };
      const executable = await compileOn(crossed(), { ...target, scheduling: { policy } }, { skip });
      expect(Math.max(...widths)).toBeLessThanOrEqual(maxBuffers);
      const { loss } = await executable.run({ entry: "step", feeds: { x }, steps: 3 });
      const fusions = executable.report.entries[0]?.passes.filter(({ name }) => name === "fuse").length;
      // Everything copied takes a buffer more for each state than fusion thinks: it must have been told.
      if (maxBuffers === 6 && skip.length > 0) expect(fusions).toBeGreaterThan(1);
      losses.push(...loss, ...(await executable.state.snapshot()).values());
    }
    const each = losses.length / 4;
    for (let i = each; i < losses.length; i++) expect(losses[i]).toEqual(losses[i % each]);
  },
);
