/**
 * Kernels that differ only in names are scheduled once, and come out as if each had been scheduled by itself.
 */
import { describe, expect, it } from "vitest";
import { scheduleAlike } from "../../passes/schedule/alike.ts";
import type { Kernel } from "../../src/kernel/kernel.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { mapStmts, rewriting } from "../../src/kernel/rewrite.ts";
import { load } from "../kernel-pool.ts";
import { scheduleJs } from "./js-case.ts";
import { matmulRelu } from "./kernel/kernels.ts";

/** The kernel with its buffers called by other names. */
function renamed(kernel: Kernel, suffix: string): Kernel {
  const other = (name: string): string => name + suffix;
  const loads = rewriting((expr) =>
    expr.kind === "load" ? load(expr.type, other(expr.buffer), expr.at, expr.guard) : expr,
  );
  return {
    ...kernel,
    name: kernel.name + suffix,
    buffers: kernel.buffers.map((buffer) => ({ ...buffer, name: other(buffer.name) })),
    nests: kernel.nests.map((nest) => ({
      ...nest,
      body: mapStmts(nest.body, loads).map((stmt) =>
        stmt.kind === "store" ? { ...stmt, buffer: other(stmt.buffer) } : stmt,
      ),
    })),
  };
}

describe("kernels that are alike", () => {
  const first = matmulRelu(8, 12, 16);
  const twins = [first, renamed(first, "_twin"), matmulRelu(8, 12, 20)];

  it("are scheduled once", () => {
    const seen: string[] = [];
    scheduleAlike(twins, (kernel) => {
      seen.push(kernel.name);
      return kernel;
    });
    expect(seen).toEqual(["kernel", twins[2]?.name]);
  });

  it("keep their own names, and the rest is as if each were scheduled alone", () => {
    const made = scheduleAlike(twins, scheduleJs);
    expect(made.map(({ name }) => name)).toEqual(twins.map(({ name }) => name));
    const buffers = (kernels: readonly Kernel[]): string[][] => kernels.map((k) => k.buffers.map(({ name }) => name));
    expect(buffers(made)).toEqual(buffers(twins));
    expect(printKernel(made[2] as Kernel)).toBe(printKernel(scheduleJs(twins[2] as Kernel)));
    expect(printKernel(renamed(made[0] as Kernel, "_twin"))).toHaveLength(printKernel(made[1] as Kernel).length);
  });
});
