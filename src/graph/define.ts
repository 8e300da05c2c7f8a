/**
 * How ops are written: those with one result say one type, one array, one cotangent, and get the general form here; all are
 * typed by their schema and their number of operands. And the questions that tell a node's op and type its operands and
 * attributes.
 */
import { CompilerBug, ShapeError } from "../core/errors.ts";
import type { AttrSchema, Attrs, AttrsOf } from "./attrs.ts";
import type { NdArray } from "./ndarray.ts";
import type {
  Arity,
  Build,
  ContractOp,
  ContractSchema,
  GatherOp,
  MapOp,
  Node,
  NodeOf,
  OpDef,
  Operands,
  Reads,
  ReduceOp,
  ReduceSchema,
  RunOp,
  RunSchema,
  SourceOp,
  SpreadOp,
  SpreadSchema,
  TransformOp,
  ViewOp,
} from "./node.ts";
import type { TensorType } from "./type.ts";

/** The parts of an op that are about its results, for one that has one. */
interface OneResult<S extends AttrSchema, N extends Arity> {
  readonly arity: N;
  readonly schema: S;
  infer(args: Operands<N, TensorType>, attrs: AttrsOf<S>): TensorType;
  vjp?(node: NodeOf<S, N>, slope: Node, build: Build): readonly (Node | null)[];
  evaluate(args: Operands<N, NdArray>, attrs: AttrsOf<S>, type: TensorType): NdArray;
}

type ResultParts = "infer" | "vjp" | "evaluate";

/** An op of one result as it is written. */
type Row<Op, S extends AttrSchema, N extends Arity> = Omit<Op, ResultParts | "kind"> & OneResult<S, N>;

function results<S extends AttrSchema, N extends Arity>(
  { infer, evaluate }: Pick<OneResult<S, N>, "infer" | "evaluate">,
  vjp: OneResult<S, N>["vjp"],
) {
  return {
    infer: (args: Operands<N, TensorType>, attrs: AttrsOf<S>) => [infer(args, attrs)],
    evaluate: (args: Operands<N, NdArray>, attrs: AttrsOf<S>, [type]: readonly TensorType[]) =>
      type === undefined ? [] : [evaluate(args, attrs, type)],
    ...(vjp === undefined ? {} : { vjp: oneSlope(vjp) }),
  };
}

function oneSlope<S extends AttrSchema, N extends Arity>(vjp: NonNullable<OneResult<S, N>["vjp"]>) {
  return (node: NodeOf<S, N>, [slope]: readonly (Node | null)[], build: Build): readonly (Node | null)[] =>
    slope === null || slope === undefined ? [] : vjp(node, slope, build);
}

export function sourceOp<const S extends AttrSchema, N extends Arity>({
  vjp,
  ...row
}: Row<SourceOp<S, N>, S, N>): SourceOp<S, N> {
  return { ...row, kind: "source", ...results(row, vjp) };
}

export function mapOp<const S extends AttrSchema, N extends Arity>({
  vjp,
  ...row
}: Row<MapOp<S, N>, S, N>): MapOp<S, N> {
  return { ...row, kind: "map", ...results(row, vjp) };
}

export function viewOp<const S extends AttrSchema, N extends Arity>({
  vjp,
  ...row
}: Row<ViewOp<S, N>, S, N>): ViewOp<S, N> {
  return { ...row, kind: "view", ...results(row, vjp) };
}

type ReduceOf = ReduceOp<ReduceSchema, 1>;

export function reduceOp({ vjp, ...row }: Omit<Row<ReduceOf, ReduceSchema, 1>, "schema" | "arity">): ReduceOf {
  return { ...row, schema: { axes: "axes" }, arity: 1, kind: "reduce", ...results(row, vjp) };
}

type ContractOf = ContractOp<ContractSchema, 2>;

export function contractOp({ vjp, ...row }: Omit<Row<ContractOf, ContractSchema, 2>, "schema" | "arity">): ContractOf {
  const schema = { batchLeft: "axes", batchRight: "rightAxes", sumLeft: "axes", sumRight: "rightAxes" } as const;
  return { ...row, schema, arity: 2, kind: "contract", ...results(row, vjp) };
}

type GatherRow<S extends AttrSchema, N extends Arity> = Omit<Row<GatherOp<S, N>, S, N>, "elements"> & {
  element(
    at: Parameters<GatherOp<S, N>["elements"]>[0],
    attrs: AttrsOf<S>,
    type: TensorType,
    reads: Reads<N>,
  ): ReturnType<GatherOp<S, N>["elements"]>[number];
};

export function gatherOp<const S extends AttrSchema, N extends Arity>(row: GatherRow<S, N>): GatherOp<S, N> {
  const { element, vjp, ...rest } = row;
  return {
    ...rest,
    kind: "gather",
    ...results(row, vjp),
    elements: (at, attrs, [type], reads) => (type === undefined ? [] : [element(at, attrs, type, reads)]),
  };
}

export function transformOp<const S extends AttrSchema, N extends Arity>({
  vjp,
  ...row
}: Row<TransformOp<S, N>, S, N>): TransformOp<S, N> {
  return { ...row, kind: "transform", ...results(row, vjp) };
}

// ---- questions -----------------------------------------------------------------------------------------------------

/** The op of something: what tells the types of its operands and attributes. */
type Typed<S extends AttrSchema, N extends Arity> = Pick<TransformOp<S, N>, "name" | "arity" | "schema" | "infer">;

export function isOp<S extends AttrSchema, N extends Arity>(node: Node, op: Typed<S, N>): node is NodeOf<S, N> {
  const own: Pick<OpDef, "name"> = node.op;
  return own === op;
}

/** The attributes of a node that is known to have this op. */
export function attrsOf<S extends AttrSchema, N extends Arity>(node: Node, op: Typed<S, N>): AttrsOf<S> {
  if (!isOp(node, op)) throw new CompilerBug(`%${node.id} ${node.op.name} is no ${op.name}`);
  return node.attrs;
}

/** An operand that is known to be there. */
export function operand(node: Node, place = 0): Node {
  const found = node.args[place];
  if (found === undefined) throw new CompilerBug(`%${node.id} ${node.op.name} has no operand ${place}`);
  return found;
}

export function isReduce(node: Node): node is NodeOf<ReduceSchema, 1> & { readonly op: ReduceOf } {
  return node.op.kind === "reduce";
}

export function isContract(node: Node): node is NodeOf<ContractSchema, 2> & { readonly op: ContractOf } {
  return node.op.kind === "contract";
}

export function isRun(node: Node): node is NodeOf<RunSchema, "many"> & { readonly op: RunOp<RunSchema, "many"> } {
  return node.op.kind === "run";
}

export function isSpread(node: Node): node is NodeOf<SpreadSchema, 3> & { readonly op: SpreadOp<SpreadSchema, 3> } {
  return node.op.kind === "spread";
}

const counts = ["no operands", "one operand", "two operands", "three operands"];

/** The types of an op's results. Throws ShapeError, the reason alone. */
export function inferTypes(op: OpDef, args: readonly TensorType[], attrs: Attrs): readonly TensorType[] {
  // what `settle` adds is not there before there is a graph
  const isOpen = op.arity === "many" || op.settle !== undefined;
  if (!isOpen && args.length !== op.arity) throw new ShapeError(`takes ${counts[op.arity]}`);
  return op.infer(args, attrs);
}
