/**
 * A loop as it is drawn: a frame, in it the drawing of each body, and lines that lead in and out.
 *
 *   operand -> parameter of a body      what a body gives -> result of the loop      new carry -> carry, dashed, back
 */
import { bodiesOf } from "../../src/graph/body.ts";
import type { Entry } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { input, state } from "../../src/graph/ops/source.ts";
import type { Box, Drawing, Kernels, Line, LoopFrame } from "./drawn.ts";

/** Draws a body; nodes are called as `nameOf` says, ids begin with `prefix`. */
export type DrawBody = (
  body: Entry,
  kernels: Kernels | null,
  prefix: string,
  nameOf: (node: Node) => string | undefined,
) => Drawing;

interface Place {
  readonly id: string;
  readonly kernels: Kernels | null;
  /** The box from which an operand is read, where it has one. */
  readonly boxOf: (node: Node) => Box | undefined;
  readonly boxes: readonly Box[];
  /** What the body that it stands in calls its parameters. */
  readonly nameOf: (node: Node) => string | undefined;
}

/** The frame of the loop with these results, and the lines between it and what is around. */
export function frameLoop(
  node: Node,
  { id, kernels, boxOf, boxes, nameOf }: Place,
  drawBody: DrawBody,
): { readonly frame: LoopFrame; readonly lines: readonly Line[] } {
  const lines: Line[] = [];
  const carries = Number(node.attrs.carries ?? 0);
  const made = bodiesOf(node).map(([name, body], i) => {
    const drawing = drawBody(body.entry, kernels?.loops.get(node.results)?.[i] ?? null, `${id}b${i}_`, (inner) =>
      parameterName(inner, node, nameOf),
    );
    const drawn = (wanted: Node): readonly Box[] => drawing.boxes.filter((box) => box.node === wanted);
    for (const [at, parameter] of body.parameters) {
      const from = node.args[at] === undefined ? undefined : boxOf(node.args[at]);
      for (const to of from === undefined ? [] : drawn(parameter)) lines.push(lineFrom(from?.id ?? "", to.id));
    }
    for (const [carry, next] of body.next.entries()) {
      const [from] = drawn(next);
      if (from === undefined) continue;
      const [result] = boxes.filter((box) => box.node === node.results[carry] && box.look !== "buffer");
      if (result !== undefined) lines.push(lineFrom(from.id, result.id));
      const parameter = body.parameters.get(carry);
      const back = parameter === undefined || parameter === next ? [] : drawn(parameter);
      for (const to of back) lines.push({ ...lineFrom(from.id, to.id), isBack: true });
    }
    for (const [output, given] of name === "test" ? [] : body.outputs.entries()) {
      const [from] = drawn(given);
      const [result] = boxes.filter((box) => box.node === node.results[carries + output] && box.look !== "buffer");
      if (from !== undefined && result !== undefined) lines.push(lineFrom(from.id, result.id));
    }
    return { id: `${id}b${i}`, title: name === "body" ? "" : name, drawing };
  });
  const flag = node.attrs.yes === undefined || node.args[0] === undefined ? undefined : boxOf(node.args[0]);
  const [some] = boxes.filter((box) => box.node.results === node.results);
  if (flag !== undefined && some !== undefined) lines.push({ ...lineFrom(flag.id, some.id), into: id });
  return { frame: { id, title: titleOfLoop(node), boxes, bodies: made }, lines };
}

function lineFrom(from: string, to: string): Line {
  return { from, to, operands: [0], isOrdered: false, spread: false, into: null };
}

function titleOfLoop({ op, attrs }: Node): string {
  if (attrs.length === undefined) return op.name;
  return `${op.name} x ${attrs.length}${attrs.reverse === true ? ", backwards" : ""}`;
}

/** "carry 0", "row of xs", "w": a parameter by what it stands for. */
function parameterName(inner: Node, { args, attrs }: Node, nameOf: Place["nameOf"]): string | undefined {
  if (inner.op !== input && inner.op !== state) return undefined;
  const at = Number(inner.attrs.name);
  if (!Number.isInteger(at)) return String(inner.attrs.name);
  const [carries, slices] = [Number(attrs.carries ?? 0), Number(attrs.slices ?? 0)];
  if (at < carries) return `carry ${at}`;
  const arg = args[at];
  const isSource = arg !== undefined && (arg.op === input || arg.op === state);
  const name = arg === undefined ? "" : (nameOf(arg) ?? (isSource ? String(arg.attrs.name) : `%${arg.id}`));
  return at < carries + slices ? `row of ${name}` : name;
}

/** What a box of a loop's result says. */
export function resultTitle({ op, attrs, result }: Node): string {
  if (attrs.carries === undefined) return `${op.name}: result ${result}`;
  const carries = Number(attrs.carries);
  return result < carries ? `${op.name}: carry ${result}` : `${op.name}: stack ${result - carries}`;
}
