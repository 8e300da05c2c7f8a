/**
 * barrier(x, token): x, and nobody computes what is made of it before the token is there.
 *
 * What a backward pass computes again (`checkpoint`) is the same expression of the same values; were it that for the compiler too,
 * it would be computed once, early, and kept. A value behind a barrier is another value: no law looks through it, and who reads it
 * waits for the token, of which it reads nothing: the token lives no longer for that.
 */
import { viewOp } from "../define.ts";
import type { Build, Node } from "../node.ts";

export const barrier = viewOp({
  name: "barrier",
  arity: 2,
  schema: {},
  infer: ([x]) => x,
  vjp: (_, g) => [g, null],
  batch: ([x, token], _attrs, _size, b) => [{ node: behind(x.node, token.node, b), batched: x.batched }],
  evaluate: ([x]) => x,
  element(at, _attrs, _type, reads) {
    reads.wait(1);
    return reads.read(0, at);
  },
});

/** With a token for each example x is still one, and made again once. */
function behind(x: Node, token: Node, b: Build): Node {
  return b.node(barrier, [x, token], {});
}
