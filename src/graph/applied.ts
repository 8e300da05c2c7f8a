/** An op applied to operands: whether they may be, the types that come of it, and in which words that is refused. */
import { ShapeError, UserError } from "../core/errors.ts";
import { atLine, here, inCall, type Origin, userLine } from "../core/origin.ts";
import type { Attrs } from "./attrs.ts";
import { inferTypes } from "./define.ts";
import type { Graph, Node, OpDef } from "./node.ts";
import { printType, sameType, type TensorType } from "./type.ts";

export function checkOperands(graph: Graph, op: OpDef, args: readonly Node[], origin: Origin | undefined): void {
  for (let i = 0; i < args.length; i += 1) {
    const arg = args[i];
    if (arg === undefined || arg.graph === graph) continue;
    refuseEnded(arg);
    throw new UserError(
      `${op.name}: an operand (${arg.op.name} ${printType(arg.type)}) belongs to another entry or program: ` +
        `inside an entry use only what it is given, and constants${atLine(origin)}`,
    );
  }
}

/** A node of a function that has returned is read nowhere. It is the call in progress that is wrong, whatever it was about to make. */
export function refuseEnded({ op, attrs, type, graph, origins: [origin] }: Node): void {
  if (graph.ended === undefined) return;
  const line = origin === undefined ? null : userLine(origin);
  const name = op.kind === "source" && typeof attrs.name === "string" ? attrs.name : op.name; // given, or carried
  const made = line === null ? "" : ` (at ${line})`;
  throw new UserError(
    `a tensor (${name} ${printType(type)}) that was made inside the function of ${graph.ended}${made} is used outside, where ` +
      `it has no value: let that function give it back${atLine(here(graph.ended))}`,
  );
}

export function areTypedAs(args: readonly Node[], others: readonly Node[]): boolean {
  for (let i = 0; i < args.length; i += 1) {
    const type = args[i]?.type;
    const other = others[i]?.type;
    if (type === undefined || other === undefined || (type !== other && !sameType(type, other))) return false;
  }
  return args.length === others.length;
}

export function typesOf(nodes: readonly { readonly type: TensorType }[]): TensorType[] {
  return nodes.map(({ type }) => type);
}

/** Types of an op's results, with the culprit's operands and line added to the complaint of its rule. */
export function resultTypes(
  op: OpDef,
  args: readonly { readonly type: TensorType }[],
  attrs: Attrs,
  origin: Origin | undefined,
): readonly TensorType[] {
  const types = typesOf(args);
  try {
    return inferTypes(op, types, attrs);
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    const call = origin === undefined ? op.name : inCall(origin);
    throw new ShapeError(`${call}(${types.map(printType).join(", ")}): ${error.message}${atLine(origin)}`);
  }
}
