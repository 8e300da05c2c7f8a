/**
 * Kernels as one piece of readable JavaScript that needs nothing from us: helpers, maths routines, one function each.
 *
 *   new JsPrinter().print([relu])  ->  { source: "function k0_relu(x, y) {...}", names: ["k0_relu"] }
 *   factoryText(printed)           ->  the body of a function that returns the kernels: new Function(text)()
 *   moduleText(printed)            ->  an ES module that exports them                      (artifact.ts)
 *
 * A function takes a typed array per buffer, in the kernel's order and starting at the buffer's own element 0:
 * f32 Float32Array, f64 Float64Array, i32 Int32Array, u32 Uint32Array, f16 and bf16 Uint16Array (the bits), u8 and bool
 * Uint8Array; and, where a loop of the sequence stands around it, an array of whole numbers: the iterations. Maths routines are written in place: a call could box its numbers, and a step allocates nothing. How values are
 * computed is said in expr.ts, how loops are written in kernel.ts.
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

/** A function, and what must stand beside it in a module. */
interface JsFunction {
  readonly name: string;
  readonly text: string;
  readonly helpers: Iterable<Helper>;
  readonly arrays: readonly string[];
  readonly routines: Iterable<JsFunction>;
}

/** Prints several modules. What stands outside of functions has names that differ in all of them, so a kernel is printed once. */
export class JsPrinter {
  readonly #routinesFor: Routines;
  readonly #names = new Namer();
  readonly #kernelNames = new Map<Kernel, string>();
  readonly #kernels = new Map<Kernel, JsFunction>();
  readonly #routines = new Map<string, Routine>();
  readonly #called = new Map<string, JsFunction>();

  constructor(routinesFor: Routines = doubleRoutineFor) {
    this.#routinesFor = routinesFor;
  }

  /** A module with these kernels. */
  print(kernels: readonly Kernel[]): Pick<JsArtifact, "source" | "names"> {
    // First: no function may call something of its own as a kernel is called.
    const names = kernels.map((kernel) => this.#nameOf(kernel));
    const helpers = new Set<Helper>();
    const beside: string[] = [];
    const routines = new Set<JsFunction>();
    const gather = (made: JsFunction): void => {
      for (const helper of made.helpers) helpers.add(helper);
      beside.push(...made.arrays);
      for (const routine of made.routines) {
        if (routines.has(routine)) continue;
        gather(routine);
        routines.add(routine);
      }
    };
    const functions = kernels.map((kernel) => this.#kernel(kernel));
    for (const made of functions) gather(made);
    const parts = [...helperTexts(helpers), ...beside, ...[...routines, ...functions].map(({ text }) => text)];
    return { source: parts.join("\n"), names };
  }

  #nameOf(kernel: Kernel): string {
    const name = this.#kernelNames.get(kernel) ?? this.#names.fresh(kernel.name);
    this.#kernelNames.set(kernel, name);
    return name;
  }

  #kernel(kernel: Kernel): JsFunction {
    const name = this.#nameOf(kernel);
    const made = this.#kernels.get(kernel) ?? this.#function(name, (module) => printJsFunction(kernel, name, module));
    this.#kernels.set(kernel, made);
    return made;
  }

  #routine({ fn, type }: Apply): Routine {
    const key = `${fn} ${type}`;
    const found = this.#routines.get(key) ?? (isRoutineFn(fn) ? this.#routinesFor(fn, type) : undefined);
    if (found === undefined) throw new CompilerBug(`the maths library has no ${fn} of ${type}`);
    this.#routines.set(key, found);
    return found;
  }

  #calledRoutine(expr: Apply): JsFunction {
    const known = this.#called.get(expr.fn);
    if (known !== undefined) return known;
    const routine = this.#routine(expr);
    const name = this.#names.fresh(routine.name);
    const made = this.#function(name, (module) => printJsRoutine(routine, name, module));
    this.#called.set(expr.fn, made);
    return made;
  }

  #function(name: string, print: (module: JsModule) => string): JsFunction {
    const helpers = new Set<Helper>();
    const arrays: string[] = [];
    const routines = new Set<JsFunction>();
    const text = print({
      names: this.#names,
      helper(helper) {
        helpers.add(helper);
        return helper;
      },
      routine: (expr) => {
        const called = this.#calledRoutine(expr);
        routines.add(called);
        return called.name;
      },
      routineOf: (expr) => this.#routine(expr),
      array: (wanted, type, count) => {
        const array = this.#names.fresh(wanted);
        arrays.push(`const ${array} = new ${type}(${count});`);
        return array;
      },
    });
    return { name, text, helpers, arrays, routines };
  }
}
