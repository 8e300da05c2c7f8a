/**
 * Kernels as one piece of readable JavaScript that needs nothing from us: helpers, maths routines, one function each.
 *
 *   printJsKernels([relu])  ->  { source: "function k0_relu(x, y) {...}", names: ["k0_relu"] }
 *   factoryText(printed)    ->  the body of a function that returns the kernels: new Function(text)()
 *   moduleText(printed)     ->  an ES module that exports them                      (artifact.ts)
 *
 * A function takes a typed array per buffer, in the kernel's order and starting at the buffer's own element 0:
 * f32 Float32Array, f64 Float64Array, i32 Int32Array, u32 Uint32Array, f16 Uint16Array (the bits), u8 and bool
 * Uint8Array. Maths routines are written in place: a call could box its numbers, and a step allocates nothing. How values are computed is said in js-expr.ts, how loops are written in js-kernel.ts.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { Routines } from "../../src/kernel/evaluate-expr.ts";
import type { Apply, Kernel, Routine } from "../../src/kernel/kernel.ts";
import { isRoutineFn } from "../../src/kernel/kernel.ts";
import { doubleRoutineFor } from "../../src/kernel/maths/in-double.ts";
import type { JsArtifact } from "./artifact.ts";
import type { JsModule } from "./context.ts";
import { Namer } from "./context.ts";
import type { Helper } from "./helpers.ts";
import { helperTexts } from "./helpers.ts";
import { printJsFunction, printJsRoutine } from "./kernel.ts";

export function printJsKernels(
  kernels: readonly Kernel[],
  routines: Routines = doubleRoutineFor,
): Pick<JsArtifact, "source" | "names"> {
  const used = new Set<Helper>();
  const names = new Namer();
  const arrays: string[] = [];
  const printed: string[] = [];
  const known = new Map<string, string>();
  const kernelNames = kernels.map((kernel) => names.fresh(kernel.name));

  const made = new Map<string, Routine>();
  const routineOf = ({ fn, type }: Apply): Routine => {
    const found = made.get(`${fn} ${type}`) ?? (isRoutineFn(fn) ? routines(fn, type) : undefined);
    if (found === undefined) throw new CompilerBug(`the maths library has no ${fn} of ${type}`);
    made.set(`${fn} ${type}`, found);
    return found;
  };
  const routine = (expr: Apply): string => {
    const before = known.get(expr.fn);
    if (before !== undefined) return before;
    const found = routineOf(expr);
    const name = names.fresh(found.name);
    known.set(expr.fn, name);
    printed.push(printJsRoutine(found, name, module));
    return name;
  };
  const module: JsModule = {
    helper(helper) {
      used.add(helper);
      return helper;
    },
    routine,
    routineOf,
    names,
    array(wanted, type, count) {
      const name = names.fresh(wanted);
      arrays.push(`const ${name} = new ${type}(${count});`);
      return name;
    },
  };
  const functions = kernels.map((kernel, i) => printJsFunction(kernel, kernelNames[i] ?? kernel.name, module));
  const parts = [...helperTexts(used), ...arrays, ...printed, ...functions];
  return { source: parts.join("\n"), names: kernelNames };
}
