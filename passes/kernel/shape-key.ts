/**
 * What a kernel is called in a file of choices: the same for every kernel that does the same with buffers of the same sizes, whatever
 * its names, in this process and in the next.
 *
 *   kernel k0_contract_max(read x: f32[100352], ...)    ->    kernel v0(read v1: f32[100352], ...)    ->    "9f2c41d07ab35e18"
 */

import type { Kernel } from "../../src/kernel/kernel.ts";
import { printKernel } from "../../src/kernel/print.ts";
import { declaredNames } from "../../src/kernel/rewrite.ts";

/** 16 hexadecimal digits. */
export function shapeKey(kernel: Kernel): string {
  const text = shapeText(kernel);
  return hash(text, 0x811c9dc5) + hash(text, 0x9747b28c);
}

/** The kernel as text, its names counted in the order in which they are met. */
export function shapeText(kernel: Kernel): string {
  const own = new Set<string>([kernel.name]);
  for (const { name } of [...kernel.buffers, ...kernel.shared, ...kernel.iterations]) own.add(name);
  for (const { loops, prelude, body } of kernel.nests) {
    for (const { loop } of loops) own.add(loop.name);
    for (const name of declaredNames([...prelude, ...body])) own.add(name);
  }
  const counted = new Map<string, string>();
  return printKernel(kernel).replace(/[A-Za-z_$][\w$]*/g, (word) => {
    if (!own.has(word)) return word;
    const known = counted.get(word) ?? `v${counted.size}`;
    counted.set(word, known);
    return known;
  });
}

/** FNV-1a, with the last mixing of MurmurHash3. */
function hash(text: string, start: number): string {
  let h = start;
  for (let i = 0; i < text.length; i += 1) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0).toString(16).padStart(8, "0");
}
