/**
 * Loops and branches of random programs: over the rows of a value, with what is captured from around, loops in loops, branches
 * and while loops that whole numbers decide.
 */
import {
  add,
  cond,
  equal,
  less,
  mean,
  mod,
  mul,
  scalar,
  scan,
  sin,
  stopGradient,
  sum,
  type Tensor,
  tanh,
  whileLoop,
} from "../../src/index.ts";
import { countOf, isExact, rounded, type Value } from "./random-value.ts";

type Any = Tensor;
type Flag = Tensor<readonly [], "bool">;

const even = (count: Any): Flag => equal(mod(count, 2), 0) as Flag;
const zero = (): Any => scalar(0, "i32");

/** Every step halves what came in before: errors do not grow with the rows. */
export function looped(value: Value, other: Value, choice: number): Value | null {
  const { x, error } = value;
  if (x.rank === 0 || x.dtype !== "f32" || other.x.dtype !== "f32" || countOf(value) * countOf(other) === 0)
    return null;
  const scale = tanh(mean(other.x));
  const init = sin(sum(x, { axis: 0 }));
  const options = { reverse: choice % 2 === 1 };
  const moved = (c: Any, row: Any): Any => tanh(add(mul(mul(c, 0.5), scale), row));
  const all = 8 * (Number(x.shape[0]) + 1) * error + 4 * other.error + 2e-6;
  const known = (made: Any): Value => rounded(made, 1, all);
  switch ((choice >> 1) % 6) {
    case 0:
      return known(scan((c: Any, row) => ({ carry: moved(c, row as Any) }), init, x, options).carry);
    case 1:
      return known(scan((c: Any, row) => ({ carry: moved(c, row as Any), output: sin(c) }), init, x, options).outputs);
    case 2: {
      const step = ({ c, n }: { c: Any; n: Any }, row: unknown) => ({
        carry: {
          c: cond(
            even(n),
            (z: Any) => moved(z, row as Any),
            (z) => mul(z, 0.5),
            c,
          ),
          n: add(n, 1),
        },
      });
      return known(scan(step, { c: init, n: zero() }, x, options).carry.c);
    }
    case 3: {
      if (x.rank < 2) return null;
      const inner = (c: Any, row: Any): Any =>
        scan((d: Any, r) => ({ carry: tanh(add(mul(d, 0.5), r as Any)) }), sin(sum(c, { axis: 0 })), row, options)
          .carry;
      return known(scan((c: Any, row) => ({ carry: mul(c, 0.5), output: inner(c, row as Any) }), init, x).outputs);
    }
    case 4: {
      const step = ({ c, n }: { c: Any; n: Any }) => ({ c: moved(c, init), n: add(n, 1) });
      const most = 1 + (choice % 4);
      const { c } = whileLoop(({ n }) => less(n, 3) as Flag, step, { c: init, n: zero() }, { most });
      return known(stopGradient(c));
    }
    default:
      return known(
        cond(
          // numbers decide, where rounding cannot change which
          (isExact(value) ? less(sum(x), 0.1) : equal(scalar(choice % 2, "i32"), 0)) as Flag,
          (z: Any) => moved(z, z),
          (z) => sin(z),
          init,
        ),
      );
  }
}
