/**
 * barrier(x, token): x, and nobody computes what is made of it before the token is there.
 *
 * What a backward pass computes again (`checkpoint`) is the same expression of the same values; were it that for the compiler too,
 * it would be computed once, early, and kept. A value behind a barrier is another value: no law looks through it, and who reads it
 * reads an element of the token besides, of which nothing is made.
 */
import { viewOp } from "../define.ts";

export const barrier = viewOp({
  name: "barrier",
  arity: 2,
  schema: {},
  infer: ([x]) => x,
  vjp: (_, g) => [g, null],
  evaluate: ([x]) => x,
  element(at, _attrs, _type, reads) {
    const [, token] = reads.shapes;
    if (!token.includes(0))
      reads.read(
        1,
        token.map(() => reads.pool.integer(0)),
      );
    return reads.read(0, at);
  },
});
