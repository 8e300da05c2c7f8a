/**
 * Einsum: products of several tensors, summed over named axes.
 *
 *   einsum("ij,jk->ik", a, b)         matrix product
 *   einsum("bij,bjk->bik", a, b)      a matrix product for each b
 *   einsum("i,j,k->ijk", a, b, c)     outer product
 *   einsum("ii->", a)                 trace
 *   einsum("...ij,...jk", a, b)       a matrix product for all that stands in front
 *
 * A letter names an axis; letters that are not in the result are summed over. Each step is one contraction of two operands, that
 * sums what nothing else needs: the cheapest two first, by the product of all their sizes, and from the left where one is not known.
 */
import { CompilerBug, ShapeError, UserError } from "../core/errors.ts";
import { show } from "../core/options.ts";
import { atLine, here, type Origin } from "../core/origin.ts";
import { contract } from "../graph/ops/contract.ts";
import { iota } from "../graph/ops/source.ts";
import { permute as permuteOp, reshape as reshapeOp } from "../graph/ops/view.ts";
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
  : Spec extends `${string}...${string}`
    ? Shape
    : Spec extends `${infer Terms}->${infer Out}`
      ? Result<Out, Terms, Operands>
      : Result<Implied<Alphabet, Spec>, Spec, Operands>;

type Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** The letters that stand once. */
type Implied<Letters extends string, Terms extends string> = Letters extends `${infer Letter}${infer Others}`
  ? Terms extends `${string}${Letter}${infer Behind}`
    ? Behind extends `${string}${Letter}${string}`
      ? Implied<Others, Terms>
      : `${Letter}${Implied<Others, Terms>}`
    : Implied<Others, Terms>
  : "";

/** A tensor, and the letter of each axis. */
interface Named {
  readonly x: Tensor;
  readonly letters: readonly string[];
}

/**
 * Sums of products over named axes: "ij,jk->ik". Without "->" the result has the letters that stand once, in the order of the
 * alphabet. "..." stands for any axes, aligned at the last as in broadcasting; they come first in a result that is not written,
 * and a result that is written must have them. A letter twice in one operand is its diagonal.
 */
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
  const parts = operands.map((x, i) =>
    diagonal(withoutOnes({ x, letters: terms[i] ?? [] }, terms, operands, origin), origin),
  );
  const { x, letters } = product(parts, result, origin);
  const order = result.map((letter) => letters.indexOf(letter));
  const inOrder = order.every((axis, i) => axis === i);
  return inOrder ? x : applyOp(permuteOp, [x], { order }, origin);
}

/** Of all parts, two at a time. */
function product(parts: readonly Named[], result: readonly string[], origin: Origin): Named {
  const needed = (...but: readonly Named[]): Set<string> =>
    new Set([...result, ...parts.filter((part) => !but.includes(part)).flatMap(({ letters }) => letters)]);
  const [first, second] = cheapest(parts);
  if (first === undefined) throw new CompilerBug("einsum of nothing");
  if (second === undefined) return sumAway(first, new Set(result));
  const others = needed(first, second);
  const left = sumAway(first, new Set([...others, ...second.letters]));
  const right = sumAway(second, new Set([...others, ...left.letters]));
  const made = pair(left, right, others, origin);
  return product([made, ...parts.filter((part) => part !== first && part !== second)], result, origin);
}

/** The two whose letters have the smallest product of sizes; the first two where a size is not known, or of two that are alike. */
function cheapest(parts: readonly Named[]): readonly Named[] {
  if (parts.length < 3 || parts.some(({ x }) => x.shape.some((dim) => typeof dim !== "number"))) return parts;
  const pairs = parts.flatMap((one, i) => parts.slice(i + 1).map((other) => [one, other] as const));
  const work = pairs.map((both) => {
    const sizes = new Map(
      both.flatMap(({ x, letters }) => letters.map((letter, axis) => [letter, Number(x.shape[axis])])),
    );
    return [...sizes.values()].reduce((all, size) => all * size, 1);
  });
  return pairs[work.indexOf(Math.min(...work))] ?? parts;
}

/** What `...` stands for, counted from the last axis: so a longer list has the same names at its end. */
const anyAxes = (count: number): string[] => Array.from({ length: count }, (_, i) => `...${count - i}`);

function parse(spec: string, operands: readonly Tensor[], origin: Origin): { terms: string[][]; result: string[] } {
  const refuse = (why: string): never => {
    throw new ShapeError(`einsum(${JSON.stringify(spec)}): ${why}${atLine(origin)}`);
  };
  const [inputs = "", output, ...others] = spec.replaceAll(" ", "").split("->");
  const texts = inputs.split(",");
  const isTerm = (text: string): boolean => /^[A-Za-z]*(\.\.\.)?[A-Za-z]*$/.test(text);
  if (others.length > 0 || ![...texts, output ?? ""].every(isTerm)) return refuse(`wanted letters like "ij,jk->ik"`);
  if (texts.length !== operands.length) return refuse(`${texts.length} terms for ${operands.length} operands`);
  const lettersOf = (text: string, rank: number): string[] => {
    const [front = "", back] = text.split("...");
    if (back === undefined) return [...front];
    return [...front, ...anyAxes(Math.max(0, rank - front.length - back.length)), ...back];
  };
  const terms = texts.map((text, i) => lettersOf(text, operands[i]?.shape.length ?? 0));
  const any = Math.max(0, ...terms.map((term) => term.filter((letter) => letter.length > 1).length));
  const all = terms.flat();
  const once = [...new Set(all)].filter(
    (letter) => letter.length === 1 && all.indexOf(letter) === all.lastIndexOf(letter),
  );
  const result =
    output === undefined
      ? [...anyAxes(any), ...once.sort()]
      : lettersOf(output, output.includes("...") ? any + output.length - 3 : 0);
  if (any > 0 && output?.includes("...") === false) {
    const axes = any === 1 ? "an axis" : `${any} axes`;
    return refuse(
      `"..." stands for ${axes}, and the result has none: write "...${output}"; letters are summed over, "..." is not`,
    );
  }
  if (new Set(result).size !== result.length) return refuse("a letter stands twice in the result");
  const missing = result.find((letter) => !all.includes(letter));
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
      if (letter.length > 1 && dim === 1) return; // it repeats
      const known = sizes.get(letter) ?? dim;
      if (known !== dim) throw new ShapeError(`${call}: the axis ${letter} is ${known} and ${dim}${atLine(origin)}`);
      sizes.set(letter, dim);
    });
  });
}

/** Without those axes of one element that another operand has more of: of what is not there every place has the same. */
function withoutOnes(
  { x, letters }: Named,
  terms: readonly string[][],
  operands: readonly Tensor[],
  origin: Origin,
): Named {
  const isLonger = (letter: string): boolean =>
    operands.some(({ shape }, i) => terms[i]?.some((other, axis) => other === letter && shape[axis] !== 1));
  const kept = letters.map((letter, axis) => letter.length === 1 || x.shape[axis] !== 1 || !isLonger(letter));
  if (kept.every((isKept) => isKept)) return { x, letters };
  const shape = x.shape.filter((_, axis) => kept[axis]);
  return { x: applyOp(reshapeOp, [x], { shape }, origin), letters: letters.filter((_, axis) => kept[axis]) };
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
