/**
 * The pool in which the kernels of one compilation are interned, as expressions are in theirs: alike ones (alike.ts) are one object,
 * whatever entry they belong to, and what a pass makes of it is made and checked once.
 *
 *   train     k0_contract_max(image, model_w1, ...)  -----+
 *   evaluate  k0_contract_max(image, model_w1, ...)  -----+--->  one kernel, scheduled once, printed once
 *
 * It carries the names of the launch that came first.
 */
import { isAlike } from "./alike.ts";
import type { Kernel } from "./kernel.ts";
import { newPool } from "./pool.ts";

export class KernelPool {
  /** Where the expressions of all these kernels are interned. */
  readonly exprs = newPool();
  /** By what tells most apart without a look at their statements. */
  readonly #kernels = new Map<string, Kernel[]>();
  readonly #made = new Map<string, Map<Kernel, Kernel>>();

  /** The kernel that it is: it comes from `lower`. */
  intern(kernel: Kernel): Kernel {
    const key = `${kernel.flops} ${kernel.bytes}`;
    const others = this.#kernels.get(key);
    if (others === undefined) {
      this.#kernels.set(key, [kernel]);
      return kernel;
    }
    const known = others.find((other) => isAlike(other, kernel));
    if (known === undefined) others.push(kernel);
    return known ?? kernel;
  }

  /** What a pass makes of a kernel of this pool. */
  made(pass: string, kernel: Kernel, make: (kernel: Kernel) => Kernel): Kernel {
    const ofPass = this.#made.get(pass) ?? new Map<Kernel, Kernel>();
    this.#made.set(pass, ofPass);
    const known = ofPass.get(kernel) ?? make(kernel);
    ofPass.set(kernel, known);
    return known;
  }
}
