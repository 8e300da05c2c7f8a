/**
 * Subgroups: invocations that hand on what they have in registers.
 *
 *   enable subgroups;
 *   fn main(..., @builtin(subgroup_id) tl_subgroup: u32, @builtin(subgroup_invocation_id) tl_place: u32) {
 *     let tl_lane = 32u * tl_subgroup + tl_place;
 *     let other: f32 = subgroupShuffleXor(part, 16u);
 *
 * WGSL does not say which invocations of a workgroup make a subgroup, so their numbers are made of the subgroup's and their places in it:
 * each is given once, where subgroups have one size that divides the workgroup.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import type { ExchangeStmt, Kernel } from "../../src/kernel/kernel.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";

/** What a module that has exchanges begins with. */
export const subgroupExtension = "enable subgroups;";

/** The size of the subgroups that the kernel is written for; 0 where it has no exchange. */
export function subgroupSize({ name, nests }: Kernel): number {
  let found = 0;
  for (const { body } of nests) {
    walkStmts(body, {
      stmt(stmt) {
        if (stmt.kind !== "exchange") return;
        if (found !== 0 && found !== stmt.size)
          throw new CompilerBug(`${name}: subgroups of ${found} and ${stmt.size}`);
        found = stmt.size;
      },
    });
  }
  return found;
}

/** Parameters of the entry point that tell an invocation its number, and what it is computed by where none of them is `tl_lane`. */
export function numberOf(size: number): { readonly params: string; readonly line?: string } {
  if (size === 0) return { params: "@builtin(local_invocation_index) tl_lane: u32" };
  return {
    params: "@builtin(subgroup_id) tl_subgroup: u32, @builtin(subgroup_invocation_id) tl_place: u32",
    line: `let tl_lane = ${size}u * tl_subgroup + tl_place;`,
  };
}

export function exchangeText({ bits, mask, size }: ExchangeStmt, value: string): string {
  if (bits === "flipped") return `subgroupShuffleXor(${value}, ${mask}u)`;
  const kept = size - 1 - mask;
  return `subgroupShuffle(${value}, ${kept === 0 ? "0u" : `tl_place & ${kept}u`})`;
}
