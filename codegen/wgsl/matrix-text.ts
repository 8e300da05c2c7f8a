/**
 * Products by matrix units, in the words of the extension "chromium_experimental_subgroup_matrix".
 *
 *   var acc_0_0: subgroup_matrix_result<f32, 16, 16>; ...
 *   for (var k: i32 = 0; k < 32; k += 1) {
 *     let a_0 = subgroupMatrixLoad<subgroup_matrix_left<f16, 16, 16>, row_major>(&x, u32(x_at + 16 * k), 512u); ...
 *     acc_0_0 = subgroupMatrixMultiplyAccumulate(a_0, b_0, acc_0_0); ...
 *   }
 *   subgroupMatrixStore<row_major>(&block, 0u, acc_0_0, 64u); ...
 *   workgroupBarrier();
 *
 * A workgroup is one subgroup. Buffers that are read so are arrays of f16, not of words.
 */
import type { Kernel, MatrixFactor, MatrixProduct } from "../../src/kernel/kernel.ts";
import { walkStmts } from "../../src/kernel/rewrite.ts";
import { type Context, indexText } from "./expr.ts";

const side = 16;

/** What a module that has such products begins with. */
export const matrixExtensions = "enable f16;\nenable chromium_experimental_subgroup_matrix;";

/** The buffers that matrices are loaded from. */
export function matrixBuffers({ nests }: Kernel): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { body } of nests) {
    walkStmts(body, {
      stmt(stmt) {
        if (stmt.kind === "matrix") for (const { buffer } of [stmt.product.left, stmt.product.right]) found.add(buffer);
      },
    });
  }
  return found;
}

export function printMatrix({ into, rows, columns, terms, left, right }: MatrixProduct, context: Context): void {
  const { writer, names } = context;
  const [down, across] = [rows / side, columns / side].map((count) => Array.from({ length: count }, (_, n) => n));
  const acc = down?.map((i) => across?.map((j) => names.fresh(`acc_${i}_${j}`)) ?? []) ?? [];
  for (const name of acc.flat()) writer.line(`var ${name}: subgroup_matrix_result<f32, ${side}, ${side}>;`);
  const starts = [left, right].map(({ buffer, at }) => {
    const start = names.fresh(`${buffer}_at`);
    writer.line(`let ${start}: i32 = ${indexText(at, context)};`);
    return start;
  });
  const [leftStart = "", rightStart = ""] = starts;
  const k = names.fresh("k");
  writer.block(`for (var ${k}: i32 = 0; ${k} < ${terms / side}; ${k} += 1) {`, () => {
    const load = (kind: "left" | "right", factor: MatrixFactor, start: string, n: number): string => {
      const name = names.fresh(`${kind === "left" ? "a" : "b"}_${n}`);
      // Tiles of one factor lie side by side along its free axis; whether that is from row to row, its order says.
      const [step, along] = (kind === "left") === (factor.order === "rows") ? [side, side * factor.stride] : [side * factor.stride, side]; // biome-ignore format: short
      const offset = `u32(${start}${n === 0 ? "" : ` + ${n * along}`} + ${step} * ${k})`;
      const type = `subgroup_matrix_${kind}<f16, ${side}, ${side}>`;
      const order = factor.order === "rows" ? "row_major" : "col_major";
      writer.line(`let ${name} = subgroupMatrixLoad<${type}, ${order}>(&${names.of(factor.buffer)}, ${offset}, ${factor.stride}u);`); // biome-ignore format: short
      return name;
    };
    const a = acc.map((_, i) => load("left", left, leftStart, i));
    const b = (acc[0] ?? []).map((_, j) => load("right", right, rightStart, j));
    for (const [i, row] of acc.entries()) {
      for (const [j, name] of row.entries()) {
        writer.line(`${name} = subgroupMatrixMultiplyAccumulate(${a[i]}, ${b[j]}, ${name});`);
      }
    }
  });
  for (const [i, row] of acc.entries()) {
    for (const [j, name] of row.entries()) {
      const offset = side * (i * columns + j);
      writer.line(`subgroupMatrixStore<row_major>(&${names.of(into)}, ${offset}u, ${name}, ${columns}u);`);
    }
  }
  writer.line("workgroupBarrier();");
}
