/**
 * The laws about windows that `simplify` rewrites by. All are exact: the same elements, by another way.
 *
 * Windows that lie side by side and fit stay windows: their index is a sum, where a reshape would divide.
 */
import { constantValue } from "../../src/graph/constant-value.ts";
import { attrsOf, operand } from "../../src/graph/define.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { pad } from "../../src/graph/ops/parts.ts";
import { broadcast } from "../../src/graph/ops/view.ts";
import { window } from "../../src/graph/ops/window.ts";
import { stepsOf } from "../../src/graph/ops/window-steps.ts";
import { hole, pattern, type Rule, rule } from "./pattern.ts";

const x = hole("x");
const exact = { exact: true };

/** No window reads a border, nor between two elements. */
function isInside(node: Node): boolean {
  const attrs = attrsOf(node, window);
  const { shape } = operand(node).type;
  return attrs.axes.every((axis, i) => {
    const { size, stride, dilation, base, before } = stepsOf(attrs, i);
    const [extent, count] = [shape[axis], attrs.count[i]];
    if (base !== 1 || before > 0) return false;
    if (size === 1 && stride === 1 && before === 0) return extent === count; // names too
    if (typeof extent !== "number" || typeof count !== "number") return false;
    return stride * (count - 1) + dilation * (size - 1) - before < extent;
  });
}

/** One element each, and one window for each. */
function ofSingles(x: Node, root: Node, build: Build): Node | null {
  const { axes, size, stride, before, count } = attrsOf(root, window);
  const isPlain = size.every((n) => n === 1) && stride.every((n) => n === 1) && before.every((n) => n === 0);
  const areAll = axes.every((axis, i) => x.type.shape[axis] === count[i]);
  return isPlain && areAll && isInside(root) ? build.reshape(x, root.type.shape) : null;
}

/** The border that was put around becomes the windows' own, and what was put between elements their base. */
function ofPadded(x: Node, root: Node, build: Build): Node | null {
  const outer = attrsOf(root, window);
  const inner = attrsOf(operand(root), pad);
  const isElsewhere = x.type.shape.some((_, axis) => {
    const widths = (inner.before[axis] ?? 0) + (inner.after[axis] ?? 0) + (inner.inner[axis] ?? 0);
    return widths > 0 && !outer.axes.includes(axis);
  });
  if (isElsewhere || outer.base.some((n) => n !== 1)) return null;
  if (!Object.is(outer.value, inner.value) && !isInside(root)) return null;
  return build.window(x, {
    ...outer,
    base: outer.axes.map((axis) => (inner.inner[axis] ?? 0) + 1),
    before: outer.before.map((width, i) => width + (inner.before[outer.axes[i] ?? 0] ?? 0)),
    value: inner.value,
  });
}

function ofConstant(x: Node, root: Node, build: Build): Node | null {
  const value = constantValue(x);
  if (value === undefined) return null;
  return isInside(root) || Object.is(value, attrsOf(root, window).value) ? build.fill(root, value) : null;
}

/** Along axes that repeat an element all windows are alike. */
function ofRepeated(x: Node, root: Node, build: Build): Node | null {
  const { axes } = attrsOf(operand(root), broadcast);
  const isRepeated = attrsOf(root, window).axes.every((axis) => {
    const own = axes.indexOf(axis);
    return own < 0 || x.type.shape[own] === 1;
  });
  return isRepeated && isInside(root) ? build.broadcast(x, root.type.shape, axes) : null;
}

export const windowRules: readonly Rule[] = [
  rule(
    "window(x) of single elements = reshape(x)",
    pattern(window, x),
    ({ x }, b, root) => ofSingles(x, root, b),
    exact,
  ),
  rule("window(c repeated) = c repeated", pattern(window, x), ({ x }, b, root) => ofConstant(x, root, b), exact),
  rule(
    "window(pad(x)) = window(x) with the border of both",
    pattern(window, pattern(pad, x)),
    ({ x }, b, root) => ofPadded(x, root, b),
    exact,
  ),
  rule(
    "window(broadcast(x)) = broadcast(x) along the axes that repeat x",
    pattern(window, pattern(broadcast, x)),
    ({ x }, b, root) => ofRepeated(x, root, b),
    exact,
  ),
];
