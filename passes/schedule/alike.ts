/**
 * Kernels that differ only in names are scheduled once.
 *
 *   layer 3: k9_contract_max(t31, w3, b3)     layer 4: k10_contract_max(t36, w4, b4)      one schedule for both
 *
 * A deep network has thousands of kernels of a handful of kinds, and scheduling is the dearest pass. The kernel is scheduled
 * under names that say nothing (buffer_0, buffer_1, ...), found again by its text, and given its own names back.
 */
import type { Expr, Kernel, Stmt } from "../../src/kernel/kernel.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { mapStmts, type Rewrite, replaceExprs, walkStmts } from "../../src/kernel/rewrite.ts";
import { declaredNames } from "./names.ts";

/** Each kernel scheduled, in order. Kernels of which there is only one keep their names, which read better. */
export function scheduleAlike(kernels: readonly Kernel[], schedule: (kernel: Kernel) => Kernel): readonly Kernel[] {
  const alike = new Map<string, { readonly plain: Kernel; count: number; made?: Kernel }>();
  const outlines = kernels.map(outlineOf);
  const counts = new Map<string, number>();
  for (const outline of outlines) counts.set(outline, (counts.get(outline) ?? 0) + 1);
  const kinds = kernels.map((kernel, at) => {
    if (counts.get(outlines[at] ?? "") === 1) return undefined;
    const names = new Map(kernel.buffers.map(({ name }, i) => [name, `buffer_${i}`]));
    const plain = { ...renameBuffers(kernel, names), name: "kernel" };
    const key = printKernel(plain);
    const kind = alike.get(key) ?? { plain, count: 0 };
    kind.count += 1;
    alike.set(key, kind);
    return kind;
  });
  return kernels.map((kernel, i) => {
    const kind = kinds[i];
    if (kind === undefined || kind.count === 1) return schedule(kernel);
    kind.made ??= schedule(kind.plain);
    const own = new Map(kind.made.buffers.map(({ name }, at) => [name, kernel.buffers[at]?.name ?? name]));
    if (clashes(kind.made, new Set(own.values()))) return schedule(kernel);
    const nodes = originsOf(kernel);
    const from = new Map(originsOf(kind.plain).map((id, at) => [id, nodes[at] ?? id]));
    return { ...renameBuffers(kind.made, own, from), name: kernel.name };
  });
}

/** What kernels that differ only in names have in common, and others seldom: tells most apart without their text. */
function outlineOf({ buffers, nests, flops, bytes }: Kernel): string {
  const params = buffers.map(({ element, count, role }) => `${role} ${element}[${count}]`);
  const loops = nests.map((nest) => nest.loops.map(({ loop }) => loop.extent).join(","));
  return [flops, bytes, ...params, ...loops].join(" ");
}

/** Whether the schedule made up a name that one of the kernel's own buffers has. */
function clashes(made: Kernel, own: ReadonlySet<string>): boolean {
  const stmts = made.nests.flatMap((nest) => [...nest.prelude, ...nest.body]);
  const loops = made.nests.flatMap((nest) => nest.loops.map(({ loop }) => loop.name));
  return [...declaredNames(stmts), ...loops, ...made.shared.map(({ name }) => name)].some((name) => own.has(name));
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
  const rewrite: Rewrite = replaceExprs((expr: Expr) =>
    expr.kind === "load" ? { ...expr, buffer: named(expr.buffer) } : expr,
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
