/**
 * Two parameters of one buffer become one: WebGPU binds no range twice where it is written. What they read and write are different
 * elements, so nothing else changes.
 */
import type { BufferParam, Kernel, Stmt } from "../../src/kernel/kernel.ts";

export function oneParamEach(kernel: Kernel): Kernel {
  const shared = new Map<string, string>();
  for (const { name, role, sharing } of kernel.buffers) {
    if (sharing !== undefined && role === "write" && kernel.buffers.some((other) => other.name === sharing))
      shared.set(name, sharing);
  }
  if (shared.size === 0) return kernel;
  const written = new Set(shared.values());
  const buffers = kernel.buffers.flatMap((param): BufferParam[] => {
    if (shared.has(param.name)) return [];
    return [written.has(param.name) ? { ...param, role: "update" } : param];
  });
  const nests = kernel.nests.map((nest) => ({ ...nest, body: storing(nest.body, shared) }));
  return { ...kernel, buffers, nests };
}

/** With other names of the buffers that are stored into; these parameters are only written. */
function storing(stmts: readonly Stmt[], names: ReadonlyMap<string, string>): readonly Stmt[] {
  return stmts.map((stmt): Stmt => {
    switch (stmt.kind) {
      case "store":
        return { ...stmt, buffer: names.get(stmt.buffer) ?? stmt.buffer };
      case "for":
      case "if":
      case "fold":
        return { ...stmt, body: storing(stmt.body, names) };
      default:
        return stmt;
    }
  });
}
