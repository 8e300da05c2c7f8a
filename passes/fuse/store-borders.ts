/**
 * What a convolution reads beyond the edges of is stored with a border, where the target gains by it.
 *
 *   contract(window(x, before 2, value 0), w)       contract(window(p, before 0), w)       p = pad(x, 2, 2), stored
 *   what else reads x                               reads the inside of p
 *
 * A load that may lie outside asks whether it does at every multiply-add: the gradient of the input of a convolution, 3 x 3 of 64
 * channels at 26 x 26 places, ran at 59% of the ceiling of `wasm`, and at 85% over a border that makes its slopes a third larger.
 */

import { copyOf } from "../../src/graph/copies.ts";
import { isOp, operand } from "../../src/graph/define.ts";
import { neededNodes, rebuild, resultNodes } from "../../src/graph/entry.ts";
import { innerExtents } from "../../src/graph/flops.ts";
import type { Build, Node, NodeOf, WindowSchema } from "../../src/graph/node.ts";
import { reshape } from "../../src/graph/ops/view.ts";
import { window } from "../../src/graph/ops/window.ts";
import { stepsOf } from "../../src/graph/ops/window-steps.ts";
import { sizeOf } from "../../src/graph/shape.ts";
import type { BorderLimits } from "../../src/kernel/target.ts";
import { shapeOf } from "./access.ts";
import { isExternal } from "./cluster.ts";
import type { Prepared } from "./slopes.ts";

/** Around all that windows read of one operand, for each of its axes. */
interface Border {
  readonly source: Node;
  readonly before: number[];
  readonly after: number[];
  readonly value: number;
}

export function storeBorders({ entry, stored: others }: Prepared, limits: BorderLimits): Prepared {
  const borders = bordersOf(neededNodes(entry), limits);
  if (borders.length === 0) return { entry, stored: others };
  const byRoot = new Map(borders.map((border) => [rootOf(border.source), border]));
  const results = new Set(resultNodes(entry));
  const padded = new Map<Node, Node>();
  const bordered = (node: Node, args: readonly Node[], build: Build): Node | undefined => {
    const border = byRoot.get(node);
    if (border !== undefined) {
      const root = copyOf(node, args, build.graph);
      const whole = withBorder(build.reshape(root, border.source.type.shape), border, build);
      padded.set(border.source, whole);
      return results.has(node) || isExternal(node) ? root : insideOf(whole, node, border, build);
    }
    if (!isOp(node, window)) return undefined;
    const [whole, around] = [padded.get(node.args[0]), byRoot.get(rootOf(node.args[0]))];
    return whole === undefined || around === undefined ? undefined : overBorder(node, whole, around, build);
  };
  const kept: Node[] = [];
  const made = rebuild(entry, (node, args, build) => {
    const copy = bordered(node, args, build);
    if (!others.has(node)) return copy;
    const still = copy ?? copyOf(node, args, build.graph);
    kept.push(still);
    return still;
  });
  return { entry: made, stored: new Set([...padded.values(), ...kept]) };
}

function withBorder(source: Node, { before, after, value }: Border, build: Build): Node {
  return build.pad(
    source,
    before,
    after,
    before.map(() => 0),
    value,
  );
}

/** What is inside of the border, in the shape of the node that it is stored for. */
function insideOf(padded: Node, { type }: Node, { source, before }: Border, build: Build): Node {
  const stop = shapeOf(source).map((extent, axis) => extent + (before[axis] ?? 0));
  return build.reshape(
    build.slice(
      padded,
      before,
      stop,
      before.map(() => 1),
    ),
    type.shape,
  );
}

/** The windows over the border; undefined where they read farther or something else outside, or go along fewer axes than it does. */
function overBorder({ args, attrs }: Windows, padded: Node, border: Border, build: Build): Node | undefined {
  if (attrs.base.some((n) => n !== 1) || !Object.is(attrs.value, border.value)) return undefined;
  const isWider = (n: number, axis: number): boolean => n > 0 && !attrs.axes.includes(axis);
  if (border.before.some(isWider) || border.after.some(isWider)) return undefined;
  const fits = attrs.axes.every((axis, i) => {
    const [before, after] = reach(args[0], attrs, i);
    return before <= (border.before[axis] ?? 0) && after <= (border.after[axis] ?? 0);
  });
  if (!fits) return undefined;
  return build.window(padded, {
    ...attrs,
    before: attrs.before.map((n, i) => n - (border.before[attrs.axes[i] ?? 0] ?? 0)),
  });
}

// ---- which -----------------------------------------------------------------------------------------------------------

type Windows = NodeOf<WindowSchema, 1>;

/** Of what contractions read often enough: one for each root. */
function bordersOf(nodes: readonly Node[], { leastReads, leastElements, mostGrowth }: BorderLimits): readonly Border[] {
  const found = new Map<Node, Border>();
  for (const contraction of nodes) {
    if (contraction.op.kind !== "contract") continue;
    const products = sizeOf(shapeOf(contraction)) * sizeOf(innerExtents(contraction));
    for (const arg of contraction.args) {
      const border = borderOf(arg);
      if (border === undefined || found.has(rootOf(border.source))) continue;
      const extents = shapeOf(border.source).map(
        (n, axis) => n + (border.before[axis] ?? 0) + (border.after[axis] ?? 0),
      );
      const [inside, whole] = [sizeOf(shapeOf(border.source)), sizeOf(extents)];
      const pays = inside >= leastElements && whole <= mostGrowth * inside && products >= leastReads * whole;
      if (pays) found.set(rootOf(border.source), border);
    }
  }
  return [...found.values()];
}

/** Around what the operand of a contraction reads windows of; undefined where they read nothing outside. */
function borderOf(arg: Node): Border | undefined {
  const windows = windowsIn(arg);
  if (windows === undefined || windows.attrs.base.some((n) => n !== 1)) return undefined;
  const [source] = windows.args;
  const [before, after] = [shapeOf(source).map(() => 0), shapeOf(source).map(() => 0)];
  windows.attrs.axes.forEach((axis, i) => {
    [before[axis], after[axis]] = reach(source, windows.attrs, i);
  });
  const isInside = [...before, ...after].every((n) => n === 0);
  return isInside ? undefined : { source, before, after, value: windows.attrs.value };
}

/** How far beyond its ends windows read along one of their axes. */
export function reach(source: Node, attrs: Windows["attrs"], i: number): readonly [number, number] {
  const { size, stride, dilation, before } = stepsOf(attrs, i);
  const [extent, count] = [shapeOf(source)[attrs.axes[i] ?? 0] ?? 0, Number(attrs.count[i] ?? 0)];
  const last = stride * (count - 1) + dilation * (size - 1) - before;
  return [Math.max(0, before), Math.max(0, last - (extent - 1))];
}

/** The windows that an operand is a view of. */
function windowsIn(node: Node): Windows | undefined {
  if (isOp(node, window)) return node;
  const [first] = node.args;
  return node.op.kind === "view" && node.args.length === 1 && first !== undefined ? windowsIn(first) : undefined;
}

/** What was computed, before it was reshaped. */
function rootOf(node: Node): Node {
  return node.op === reshape ? rootOf(operand(node)) : node;
}
