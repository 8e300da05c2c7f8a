/**
 * Kernels that differ only in names are scheduled once.
 *
 *   layer 3: k9_contract_max(t31, w3, b3)     layer 4: k10_contract_max(t36, w4, b4)      one schedule for both
 *
 * A deep network has thousands of kernels of a handful of kinds, and scheduling is the dearest pass. The kernel is scheduled
 * under names that say nothing (buffer_0, buffer_1, ...), found among those of its kind, and given its own names back.
 */
import { load } from "../../src/kernel/build.ts";
import type { Bound, Expr, FoldStmt, Kernel, LoopVar, Nest, Stmt } from "../../src/kernel/kernel.ts";
import { mapStmts, readsAny, rewriting, walkStmts } from "../../src/kernel/rewrite.ts";
import { declaredNames } from "./names.ts";

/** Each kernel scheduled, in order. Kernels of which there is only one keep their names, which read better. */
export function scheduleAlike(kernels: readonly Kernel[], schedule: (kernel: Kernel) => Kernel): readonly Kernel[] {
  const alike = new Map<string, Kind[]>();
  const outlines = kernels.map(outlineOf);
  const counts = new Map<string, number>();
  for (const outline of outlines) counts.set(outline, (counts.get(outline) ?? 0) + 1);
  const kinds = kernels.map((kernel, at) => {
    const outline = outlines[at] ?? "";
    if (counts.get(outline) === 1) return undefined;
    const names = new Map(kernel.buffers.map(({ name }, i) => [name, `buffer_${i}`]));
    const plain = { ...renameBuffers(kernel, names), name: "kernel" };
    const kinds = alike.get(outline) ?? [];
    alike.set(outline, kinds);
    const known = kinds.find((kind) => isSameKernel(kind.plain, plain));
    const kind: Kind = known ?? { plain, count: 0 };
    kind.count += 1;
    if (known === undefined) kinds.push(kind);
    return kind;
  });
  return kernels.map((kernel, i) => {
    const kind = kinds[i];
    if (kind === undefined || kind.count === 1) return schedule(kernel);
    kind.made ??= madeOnce(kind.plain, schedule);
    const { made, declared, origins } = kind.made;
    const own = new Map(made.buffers.map(({ name }, at) => [name, kernel.buffers[at]?.name ?? name]));
    // The schedule may have made up a name that one of the kernel's own buffers has.
    if (kernel.buffers.some(({ name }) => declared.has(name))) return schedule(kernel);
    const nodes = originsOf(kernel);
    const from = new Map(origins.map((id, at) => [id, nodes[at] ?? id]));
    return { ...renameBuffers(made, own, from), name: kernel.name };
  });
}

/** What kernels that differ only in names have in common, and others seldom: tells most apart without a look at their statements. */
function outlineOf({ buffers, nests, flops, bytes }: Kernel): string {
  const params = buffers.map(({ element, count, role }) => `${role} ${element}[${count}]`);
  const loops = nests.map((nest) => nest.loops.map(({ loop }) => loop.extent).join(","));
  return [flops, bytes, ...params, ...loops].join(" ");
}

/** Kernels that are alike: what they are under names that say nothing, and what became of that. */
interface Kind {
  readonly plain: Kernel;
  count: number;
  made?: Scheduled;
}

interface Scheduled {
  readonly made: Kernel;
  /** All names in it but those of its buffers. */
  readonly declared: ReadonlySet<string>;
  /** What the kernel before it comes from. */
  readonly origins: readonly number[];
}

function madeOnce(plain: Kernel, schedule: (kernel: Kernel) => Kernel): Scheduled {
  const made = schedule(plain);
  const stmts = made.nests.flatMap((nest) => [...nest.prelude, ...nest.body]);
  const loops = made.nests.flatMap((nest) => nest.loops.map(({ loop }) => loop.name));
  const declared = new Set([...declaredNames(stmts), ...loops, ...made.shared.map(({ name }) => name)]);
  return { made, declared, origins: originsOf(plain) };
}

/** The graph's nodes that statements come from, in the order of the statements, which is the same in kernels that are alike. */
function originsOf({ nests }: Kernel): readonly number[] {
  const ids: number[] = [];
  for (const { prelude, body } of nests) {
    walkStmts([...prelude, ...body], {
      stmt: (stmt) => {
        if ("from" in stmt) ids.push(...stmt.from);
      },
    });
  }
  return ids;
}

/** The kernel with other names of its buffers, and other nodes that it comes from. */
function renameBuffers(
  kernel: Kernel,
  names: ReadonlyMap<string, string>,
  nodes: ReadonlyMap<number, number> = new Map(),
): Kernel {
  const named = (name: string): string => names.get(name) ?? name;
  const moved = (ids: readonly number[]): readonly number[] => ids.map((id) => nodes.get(id) ?? id);
  const rewrite = rewriting(
    (expr) => (expr.kind === "load" ? load(expr.type, named(expr.buffer), expr.at, expr.guard) : expr),
    (expr) => readsAny(expr, names),
  );
  const renameStores = (stmts: readonly Stmt[]): readonly Stmt[] =>
    stmts.map((stmt): Stmt => {
      if (stmt.kind === "store") return { ...stmt, buffer: named(stmt.buffer), from: moved(stmt.from) };
      if (stmt.kind === "fold") return { ...stmt, body: renameStores(stmt.body), from: moved(stmt.from) };
      return "body" in stmt ? { ...stmt, body: renameStores(stmt.body) } : stmt;
    });
  const rename = (stmts: readonly Stmt[]): readonly Stmt[] => renameStores(mapStmts(stmts, rewrite));
  return {
    ...kernel,
    buffers: kernel.buffers.map((buffer) => ({ ...buffer, name: named(buffer.name) })),
    nests: kernel.nests.map((nest) => ({ ...nest, prelude: rename(nest.prelude), body: rename(nest.body) })),
  };
}

// ---- equality --------------------------------------------------------------------------------------------------------

/** Equal in all that a schedule sees, names included. */
function isSameKernel(a: Kernel, b: Kernel): boolean {
  const sameBuffers = isEach(a.buffers, b.buffers, (x, y) => x.name === y.name && x.element === y.element);
  const sameSizes = isEach(a.buffers, b.buffers, (x, y) => x.count === y.count && x.role === y.role);
  return sameBuffers && sameSizes && a.shared.length + b.shared.length === 0 && isEach(a.nests, b.nests, isSameNest);
}

function isSameNest(a: Nest, b: Nest): boolean {
  const sameLoops = isEach(a.loops, b.loops, (x, y) => {
    return x.mark === y.mark && x.loop.name === y.loop.name && x.loop.extent === y.loop.extent;
  });
  return sameLoops && isEach(a.prelude, b.prelude, isSameStmt) && isEach(a.body, b.body, isSameStmt);
}

const isSameExpr = (a: Expr, b: Expr): boolean => a === b;
const isSameBound = (a: Bound, b: Bound): boolean => a.index === b.index && a.extent === b.extent;

function isSameStmt(a: Stmt, b: Stmt): boolean {
  switch (a.kind) {
    case "for": {
      if (b.kind !== "for" || a.mark !== b.mark) return false;
      return a.loop.name === b.loop.name && a.loop.extent === b.loop.extent && isEach(a.body, b.body, isSameStmt);
    }
    case "let":
      return b.kind === "let" && a.name === b.name && a.value === b.value;
    case "var": {
      if (b.kind !== "var" || a.name !== b.name || a.init !== b.init) return false;
      return isEach(a.shape, b.shape, (x, y) => x === y);
    }
    case "assign":
      return b.kind === "assign" && a.name === b.name && a.value === b.value && isEach(a.at, b.at, isSameExpr);
    case "store": {
      if (b.kind !== "store" || a.buffer !== b.buffer || a.at !== b.at || a.value !== b.value) return false;
      return isEach(a.guard, b.guard, isSameBound);
    }
    case "if":
      return b.kind === "if" && a.condition === b.condition && isEach(a.body, b.body, isSameStmt);
    case "fold":
      return b.kind === "fold" && isSameFold(a, b);
    case "barrier":
      return b.kind === "barrier";
  }
}

/** What they come from does not matter. */
function isSameFold(a: FoldStmt, b: FoldStmt): boolean {
  const isSameLoop = (x: LoopVar, y: LoopVar): boolean => x.name === y.name && x.extent === y.extent;
  const sameAccumulators = isEach(a.accumulators, b.accumulators, (x, y) => x.name === y.name && x.type === y.type);
  const sameAxes = a.fn === b.fn && isEach(a.axes, b.axes, isSameLoop);
  const sameBlock = isEach(a.block, b.block, (x, y) => x.mark === y.mark && isSameLoop(x.loop, y.loop));
  const sameValues =
    isEach(a.values, b.values, isSameExpr) &&
    isEach(a.guard, b.guard, isSameBound) &&
    isEach(a.body, b.body, isSameStmt);
  return sameAccumulators && sameAxes && sameBlock && sameValues;
}

function isEach<T>(a: readonly T[], b: readonly T[], isSame: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((item, i) => isSame(item, b[i] as T));
}
