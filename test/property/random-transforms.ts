/**
 * Transforms in random programs: a chain of operations over the examples of a value, its slopes for each example, chains in
 * chains, and derivatives in a direction.
 */
import {
  add,
  cumulativeLogSumExp,
  cumulativeMax,
  cumulativeProduct,
  cumulativeSum,
  flip,
  grad,
  jvp,
  mean,
  mul,
  sin,
  softmax,
  sub,
  sum,
  type Tensor,
  tanh,
  vmap,
} from "../../src/index.ts";
import { countOf, isExact, rounded, type Value } from "./random-value.ts";

type Any = Tensor;

/** What no step of a chain makes larger than 1, and moves no further than some times what came in. */
function step(x: Any, shared: Any, choice: number): Any {
  const axis = x.rank === 0 ? 0 : choice % x.rank;
  if (x.rank === 0 || choice % 7 < 3) {
    return choice % 2 === 0 ? tanh(add(mul(x, 0.5), shared)) : sin(sub(mul(x, shared), x));
  }
  const options = { axis, reverse: choice % 2 === 1, exclusive: choice % 3 === 0 };
  switch (choice % 7) {
    case 3:
      return softmax(x, { axis });
    case 4:
      return tanh(choice % 2 === 0 ? cumulativeSum(x, options) : cumulativeProduct(x, options));
    case 5:
      return sin(cumulativeLogSumExp(x, { axis, reverse: choice % 2 === 1 }));
    default:
      return mul(flip(x, [axis]), tanh(sum(x, { axis, keepDims: true })));
  }
}

const chain = (x: Any, shared: Any, choice: number): Any =>
  step(step(tanh(step(x, shared, choice)), shared, choice >> 1), shared, choice >> 2);

export function transformed({ x, error, bits }: Value, other: Value, choice: number): Value | null {
  const count = countOf({ x, error, bits, bound: 1 });
  if (count === 0 || count > 300 || countOf(other) === 0) return null;
  const shared = tanh(mean(other.x));
  const f = (one: Any): Any => chain(one, shared, choice);
  const terms = Math.max(...x.shape.map(Number), 1);
  const known = (made: unknown): Value => rounded(tanh(made as Any), 1, 40 * terms * error + 40 * other.error + 2e-6);
  const loss = (one: Any): Tensor<readonly []> => sum(f(one)) as Tensor<readonly []>;
  const axis = x.rank === 0 ? 0 : choice % x.rank;
  const outAxis = choice % 2 === 0 ? 0 : -1;
  switch (choice % 6) {
    case 0:
      return known(jvp(f, x, mul(sin(x), 0.5)).tangent);
    case 1:
      if (x.rank === 0) return known(grad(loss(x), shared));
      return known(vmap((one: Any) => grad(loss(one), shared) as Any, x, { axis, outAxis: 0 }));
    case 2:
      if (x.rank < 2) return known(f(x));
      return known(vmap((rows: Any) => vmap(f, rows, { axis: choice % (x.rank - 1), outAxis }), x, { axis }));
    case 3:
      if (x.rank === 0) return known(grad(loss(x), x));
      return known(vmap((one: Any) => grad(loss(one), one) as Any, x, { axis, outAxis }));
    case 4:
      if (x.rank === 0) return known(jvp(f, x, shared).value);
      return known(vmap((one: Any) => jvp(f, one, sin(one)).tangent as Any, x, { axis, outAxis }));
    default:
      if (x.rank === 0) return null;
      if (choice % 4 === 1 && isExact({ x, error, bits, bound: 1 }))
        return known(cumulativeMax(x, { axis, reverse: choice % 8 < 4 }));
      return known(vmap(f, x, { axis, outAxis }));
  }
}
