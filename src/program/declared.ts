/**
 * The buffers that have a place whether or not a step touches them: states, inputs and outputs, each in the program's order.
 */
import type { Entry } from "../graph/entry.ts";
import { type Dims, fixedShape, printShape, type Shape } from "../graph/shape.ts";
import type { Buffer, Buffers, BufferType } from "./buffer.ts";
import { checkSize } from "./sizes.ts";

/** A tensor that a program declares, by its path. */
interface DeclaredLeaf {
  readonly path: string;
  readonly leaf: { readonly dtype: BufferType["dtype"]; readonly shape: Shape; readonly held?: string | null };
}

export interface Declarations {
  readonly inputs: readonly DeclaredLeaf[];
  readonly states: readonly DeclaredLeaf[];
}

/** In the order in which they lie. */
export type Declared = Readonly<Record<"state" | "input" | "output" | "held", readonly Buffer[]>>;

export function declaredBuffers(
  { inputs, states }: Declarations,
  entry: Entry,
  dims: Dims,
  buffers: Buffers,
): Declared {
  const fed = (isHeld: boolean): readonly Buffer[] =>
    inputs
      .filter(({ leaf: { held = null } }) => (held !== null) === isHeld)
      .map(({ path, leaf: { dtype, shape } }) => buffers.named("input", path, { dtype, shape: sizesOf(shape, dims) }));
  return {
    state: stateBuffers(states, buffers),
    input: fed(false),
    held: fed(true),
    output: entry.outputs.map(({ name, node }) => {
      const { dtype, shape } = node.type;
      return buffers.named("output", name, { dtype, shape: fixedShape(shape) });
    }),
  };
}

/** All states: so they lie at the same addresses for every entry. */
export function stateBuffers(states: Declarations["states"], buffers: Buffers): readonly Buffer[] {
  return states.map(({ path, leaf: { dtype, shape } }) =>
    buffers.named("state", path, { dtype, shape: fixedShape(shape) }),
  );
}

/** A dimension that a user gives may make inputs that nothing can hold. */
export function checkInputSizes({ inputs }: Pick<Declarations, "inputs">, dims: Dims): void {
  for (const { path, leaf } of inputs) {
    const shape = sizesOf(leaf.shape, dims);
    checkSize(`the input "${path}", ${leaf.dtype}${printShape(shape)}`, shape);
  }
}

/** An input that the entry does not read may have a dimension without a size: it is then empty. */
function sizesOf(shape: Shape, dims: Dims): readonly number[] {
  return shape.map((dim) => (typeof dim === "string" ? (dims[dim] ?? 0) : dim));
}
