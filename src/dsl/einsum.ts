/**
 * Einsum: products of several tensors, summed over named axes.
 *
 *   einsum("ij,jk->ik", a, b)         matrix product
 *   einsum("bij,bjk->bik", a, b)      a matrix product for each b
 *   einsum("i,j,k->ijk", a, b, c)     outer product
 *   einsum("ii->", a)                 trace
 *
 * A letter names an axis; letters that are not in the result are summed over. Operands are taken in from the left, each
 * step one contraction that sums what nothing to its right needs; so the order of operands is the order of the work.
 */
import { ShapeError, UserError } from "../core/errors.ts";
import { show } from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import { contract } from "../graph/ops/contract.ts";
import { iota } from "../graph/ops/source.ts";
import { permute as permuteOp } from "../graph/ops/view.ts";
import { type Dim, printShape, type Shape } from "../graph/shape.ts";
import { applyOp } from "./build.ts";
import { checkTensors } from "./check.ts";
import { equal, where } from "./logic.ts";
import type { CheckAllDTypes } from "./part-types.ts";
import { sum } from "./reduce.ts";
import type { Tensor } from "./tensor.ts";

type DimAt<L extends string, Term extends string, S extends Shape> = Term extends `${infer Head}${infer Rest}`
  ? S extends readonly [infer D extends Dim, ...infer More extends Shape]
    ? Head extends L
      ? D
      : DimAt<L, Rest, More>
    : never
  : never;

/** The first operand that has the letter says its size. */
type DimOf<L extends string, Terms extends string, Operands extends readonly Tensor[]> = Operands extends readonly [
  Tensor<infer S extends Shape>,
  ...infer More extends readonly Tensor[],
]
  ? Terms extends `${infer Term},${infer Rest}`
    ? [DimAt<L, Term, S>] extends [never]
      ? DimOf<L, Rest, More>
      : DimAt<L, Term, S>
    : DimAt<L, Terms, S>
  : never;

type Result<
  Out extends string,
  Terms extends string,
  Operands extends readonly Tensor[],
> = Out extends `${infer Head}${infer Rest}`
  ? [
      [DimOf<Head, Terms, Operands>] extends [never] ? Dim : DimOf<Head, Terms, Operands>,
      ...Result<Rest, Terms, Operands>,
    ]
  : [];

/** The result's shape where the spec is a literal like "ij,jk->ik". */
export type EinsumShape<Spec extends string, Operands extends readonly Tensor[]> = string extends Spec
  ? Shape
  : Spec extends `${infer Terms}->${infer Out}`
    ? Result<Out, Terms, Operands>
    : Shape;

/** A tensor, and the letter of each axis. */
interface Named {
  readonly x: Tensor;
  readonly letters: readonly string[];
}

/** Sums of products over named axes; the result must be written: "ij,jk->ik". A letter twice in one operand is its diagonal. */
export function einsum<const Spec extends string, const Operands extends readonly Tensor[]>(
  spec: Spec & CheckAllDTypes<"einsum", Operands>,
  ...operands: Operands
): Tensor<EinsumShape<Spec, Operands>, Operands[number]["dtype"]>;
export function einsum(spec: string, ...operands: readonly Tensor[]): Tensor {
  const origin = here("einsum");
  if (typeof spec !== "string") {
    throw new UserError(`einsum takes a text first: einsum("ij,jk->ik", a, b), not ${show(spec)}${atLine(origin)}`);
  }
  checkTensors("einsum", operands, "operand");
  const { terms, result } = parse(spec, operands, origin);
  checkSizes(spec, terms, operands, origin);
  const diagonals = operands.map((x, i) => diagonal({ x, letters: terms[i] ?? [] }, origin));
  const needed = (i: number): Set<string> =>
    new Set([...result, ...diagonals.slice(i + 1).flatMap((behind) => behind.letters)]);
  const parts = diagonals.map((operand, i) => (i === 0 ? sumAway(operand, needed(0)) : operand));
  const { x, letters } = parts.reduce((left, next, i) => {
    const right = sumAway(next, new Set([...needed(i), ...left.letters]));
    return pair(sumAway(left, new Set([...needed(i), ...right.letters])), right, needed(i), origin);
  });
  const order = result.map((letter) => letters.indexOf(letter));
  const inOrder = order.every((axis, i) => axis === i);
  return inOrder ? x : applyOp(permuteOp, [x], { order }, origin);
}

function parse(spec: string, operands: readonly Tensor[], origin: Origin): { terms: string[][]; result: string[] } {
  const refuse = (why: string): never => {
    throw new ShapeError(`einsum(${JSON.stringify(spec)}): ${why}${atLine(origin)}`);
  };
  const match = /^([A-Za-z]*(?:,[A-Za-z]*)*)->([A-Za-z]*)$/.exec(spec.replaceAll(" ", ""));
  if (match === null) return refuse(`wanted letters like "ij,jk->ik"`);
  const terms = (match[1] ?? "").split(",").map((term) => [...term]);
  const result = [...(match[2] ?? "")];
  if (terms.length !== operands.length) return refuse(`${terms.length} terms for ${operands.length} operands`);
  if (new Set(result).size !== result.length) return refuse("a letter stands twice in the result");
  const missing = result.find((letter) => !terms.flat().includes(letter));
  if (missing !== undefined) return refuse(`no operand has the result's axis ${missing}`);
  return { terms, result };
}

function checkSizes(spec: string, terms: string[][], operands: readonly Tensor[], origin: Origin): void {
  const sizes = new Map<string, Dim>();
  operands.forEach((x, i) => {
    const letters = terms[i] ?? [];
    const call = `einsum(${JSON.stringify(spec)})`;
    if (letters.length !== x.shape.length) {
      throw new ShapeError(
        `${call}: "${letters.join("")}" for an operand of shape ${printShape(x.shape)}${atLine(origin)}`,
      );
    }
    x.shape.forEach((dim, axis) => {
      const letter = letters[axis] ?? "";
      const known = sizes.get(letter) ?? dim;
      if (known !== dim) throw new ShapeError(`${call}: the axis ${letter} is ${known} and ${dim}${atLine(origin)}`);
      sizes.set(letter, dim);
    });
  });
}

/** A letter that stands twice: what lies off the diagonal is dropped, and the second axis summed away. */
function diagonal({ x, letters }: Named, origin: Origin): Named {
  const second = letters.findIndex((letter, axis) => letters.indexOf(letter) !== axis);
  if (second < 0) return { x, letters };
  const first = letters.indexOf(letters[second] ?? "");
  const counts = (axis: number): Tensor => applyOp(iota, [], { dtype: "i32", shape: x.shape, axis }, origin);
  const kept = where(equal(counts(first), counts(second)), x, 0);
  const rest = letters.filter((_, axis) => axis !== second);
  return diagonal({ x: sum(kept, { axis: second }), letters: rest }, origin);
}

/** Sums the axes that nothing else has a use for. */
function sumAway({ x, letters }: Named, needed: ReadonlySet<string>): Named {
  const axis = letters.flatMap((letter, i) => (needed.has(letter) ? [] : [i]));
  if (axis.length === 0) return { x, letters };
  return { x: sum(x, { axis }), letters: letters.filter((letter) => needed.has(letter)) };
}

/** One contraction: letters of both operands are summed, or stay as batch axes where something still needs them. */
function pair(left: Named, right: Named, needed: ReadonlySet<string>, origin: Origin): Named {
  const shared = left.letters.filter((letter) => right.letters.includes(letter));
  const batch = shared.filter((letter) => needed.has(letter));
  const summed = shared.filter((letter) => !needed.has(letter));
  const axes = ({ letters }: Named, names: readonly string[]): number[] => names.map((name) => letters.indexOf(name));
  const attrs = {
    batchLeft: axes(left, batch),
    batchRight: axes(right, batch),
    sumLeft: axes(left, summed),
    sumRight: axes(right, summed),
  };
  const free = ({ letters }: Named): string[] => letters.filter((letter) => !shared.includes(letter));
  return {
    x: applyOp(contract, [left.x, right.x], attrs, origin),
    letters: [...batch, ...free(left), ...free(right)],
  };
}
