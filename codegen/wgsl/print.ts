/**
 * A scheduled and legal kernel (quirks.ts) as a WGSL module, and how to launch it.
 *
 *   workgroup g < 8, invocation t < 64     ->   @compute @workgroup_size(64) fn main(...) { ... }
 *                                               dispatch (8, 1, 1)
 *
 * Every buffer parameter is a storage binding, in order. One GPUBuffer must not be bound both read-only and writable in one dispatch, and several parameters are often ranges of one
 * arena: so a binding is `read_write` unless the caller knows better. Each nest has a range of workgroups of its own.
 * More workgroups than a dimension allows are folded into two; those beyond the last do nothing.
 */
import { CompilerBug, UserError } from "../../src/core/errors.ts";
import type { Kernel, Nest, Routine, RoutineFn, ValueType } from "../../src/kernel/kernel.ts";
import { routineFor } from "../../src/kernel/maths/library.ts";
import { printSchedules } from "../../src/kernel/moves.ts";
import { usesIn } from "../uses.ts";
import { Writer } from "../writer.ts";
import type { Access, WgslBinding, WgslModule } from "./artifact.ts";
import type { Context } from "./expr.ts";
import { exprText, typeText } from "./expr.ts";
import type { Helper } from "./helpers.ts";
import { helperTexts } from "./helpers.ts";
import { arrayType, gpuBytes, type Stored } from "./layout.ts";
import { matrixBuffers, matrixExtensions } from "./matrix-text.ts";
import { WgslNames } from "./names.ts";
import { legalize, legalizeStmts } from "./quirks.ts";
import { printStmts } from "./stmt.ts";
import { numberOf, subgroupExtension, subgroupSize } from "./subgroup-text.ts";
import { notWide, type Wide, wideIn } from "./wide.ts";

export interface WgslOptions {
  /** By buffer parameter. `read` only where nothing in the whole GPUBuffer is written in the same dispatch. */
  readonly access?: (param: string) => Access;
  readonly maxWorkgroupsPerDimension?: number;
}

export function printWgsl(kernel: Kernel, options: WgslOptions = {}): WgslModule {
  const grids = kernel.nests.map(gridOf);
  const size = grids[0]?.size ?? 1;
  if (grids.some((grid) => grid.size !== size)) throw new CompilerBug(`${kernel.name}: nests differ in workgroup size`);
  const groups = grids.reduce((sum, grid) => sum + grid.groups, 0);
  const workgroups = foldGroups(kernel.name, groups, options.maxWorkgroupsPerDimension ?? 65535);
  const bindings = bindingsOf(kernel, options.access ?? (() => "read_write"));
  const source = printModule(kernel, grids, { bindings, size, workgroups, subgroup: subgroupSize(kernel) });
  return {
    source,
    entryPoint: "main",
    workgroups,
    workgroupSize: size,
    bindings,
    iterations: kernel.iterations.length,
  };
}

// ---- launch --------------------------------------------------------------------------------------------------------

interface Grid {
  readonly groups: number;
  readonly size: number;
}

function gridOf(nest: Nest): Grid {
  let groups = 1;
  let size = 1;
  for (const { loop, mark } of nest.loops) {
    if (mark === "workgroup") groups *= loop.extent;
    else if (mark === "invocation") size *= loop.extent;
    else throw new CompilerBug(`wgsl: loop ${loop.name} is ${mark}, not scheduled for a GPU`);
  }
  return { groups, size };
}

function foldGroups(kernel: string, groups: number, most: number): readonly [number, number, number] {
  if (groups <= most) return [groups, 1, 1];
  const y = Math.ceil(groups / most);
  if (y > most)
    throw new UserError(`kernel ${kernel} needs ${groups} workgroups, more than the GPU can launch at once`);
  return [Math.ceil(groups / y), y, 1];
}

function bindingsOf(kernel: Kernel, access: (param: string) => Access): readonly WgslBinding[] {
  return kernel.buffers.map((buffer, binding) => {
    const granted = access(buffer.name);
    if (granted === "read" && buffer.role !== "read") {
      throw new CompilerBug(`${kernel.name}: ${buffer.name} is written, but bound as read`);
    }
    return { param: buffer.name, binding, access: granted, bytes: gpuBytes(buffer.element, buffer.count) };
  });
}

// ---- text ----------------------------------------------------------------------------------------------------------

interface Launch {
  readonly bindings: readonly WgslBinding[];
  readonly size: number;
  readonly workgroups: readonly [number, number, number];
  /** Invocations of a subgroup, where they exchange values. */
  readonly subgroup: number;
}

function printModule(kernel: Kernel, grids: readonly Grid[], launch: Launch): string {
  const names = new WgslNames();
  const helpers = new Set<Helper>();
  const routines = new Map<string, string>();
  const halves = matrixBuffers(kernel);
  const wide = halves.size === 0 ? wideIn(kernel) : notWide;
  const arrays = arraysOf(kernel, wide, halves);
  const declarations = printDeclarations(kernel, launch, { names, arrays });
  const context: Context = {
    writer: new Writer(),
    names,
    arrays,
    wide,
    held: new Map(),
    stores: new Map(),
    helpers,
    indexed: usesIn(kernel.nests.flatMap(({ prelude, body }) => [...prelude, ...body])).indexed,
    plainMinMax: false,
    routine: (fn, type) => addRoutine(fn, type, routines, helpers),
  };
  printMain(kernel, grids, launch, context);
  const parts = [
    halves.size === 0 ? "" : matrixExtensions,
    launch.subgroup === 0 ? "" : subgroupExtension,
    `// ${[kernel.name, printSchedules(kernel.schedule)].filter((part) => part !== "").join(": ")}`.replace(
      /[\r\n\u2028\u2029]/g,
      " ",
    ),
    declarations,
    ...helperTexts(helpers),
    ...routines.values(),
    context.writer.toString(),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function arraysOf(
  { buffers, shared }: Kernel,
  { lanes }: Wide,
  halves: ReadonlySet<string>,
): ReadonlyMap<string, Stored> {
  const arrays = new Map<string, Stored>();
  const add = (name: string, stored: Stored): void => {
    const own = lanes.get(name);
    arrays.set(name, own === undefined ? stored : { ...stored, lanes: own });
  };
  for (const { name, element, count, role } of buffers) {
    add(name, { element, count, isWritten: role !== "read", ...(halves.has(name) ? { isHalf: true } : {}) });
  }
  for (const { name, type, count } of shared) {
    if (type !== "bool") add(name, { element: type, count: Math.max(1, count), isWritten: true });
  }
  return arrays;
}

function printDeclarations(
  kernel: Kernel,
  launch: Launch,
  { names, arrays }: Pick<Context, "names" | "arrays">,
): string {
  const typeOf = (name: string): string | undefined => {
    const stored = arrays.get(name);
    return stored && arrayType(stored);
  };
  const lines = kernel.buffers.map((buffer, n) => {
    const access = launch.bindings[n]?.access ?? "read_write";
    return `@group(0) @binding(${n}) var<storage, ${access}> ${names.declare(buffer.name)}: ${typeOf(buffer.name)};`;
  });
  for (const [n, { name }] of kernel.iterations.entries()) {
    lines.push(`@group(1) @binding(${n}) var<uniform> tl_iteration_${n}: u32; // ${names.declare(name)}`);
  }
  for (const { name, type, count } of kernel.shared) {
    const array = typeOf(name) ?? `array<${typeText(type)}, ${Math.max(1, count)}>`;
    lines.push(`var<workgroup> ${names.declare(name)}: ${array};`);
  }
  return lines.join("\n");
}

function printMain(kernel: Kernel, grids: readonly Grid[], launch: Launch, context: Context): void {
  const { writer } = context;
  const [x, y] = launch.workgroups;
  writer.line(`@compute @workgroup_size(${launch.size})`);
  const number = numberOf(launch.subgroup);
  writer.block(`fn main(@builtin(workgroup_id) tl_id: vec3<u32>, ${number.params}) {`, () => {
    if (number.line !== undefined) writer.line(number.line);
    writer.line(`let tl_group = i32(${y === 1 ? "tl_id.x" : `tl_id.x + ${x}u * tl_id.y`});`);
    for (const [n, { name }] of kernel.iterations.entries()) {
      writer.line(`let ${context.names.of(name)}: i32 = i32(tl_iteration_${n});`);
    }
    let first = 0;
    for (const [n, nest] of kernel.nests.entries()) {
      const groups = grids[n]?.groups ?? 0;
      if (groups === 0) continue;
      const conditions = [
        ...(first > 0 ? [`tl_group >= ${first}`] : []),
        ...(first + groups < x * y ? [`tl_group < ${first + groups}`] : []),
      ];
      const start = first;
      const body = (): void => printNest(nest, start, context);
      if (conditions.length === 0) body();
      else writer.block(`if (${conditions.join(" && ")}) {`, body);
      first += groups;
    }
  });
}

function printNest(nest: Nest, first: number, context: Context): void {
  const { writer, names } = context;
  const declare = (mark: "workgroup" | "invocation", flat: string): void => {
    const loops = nest.loops.filter((loop) => loop.mark === mark).map(({ loop }) => loop);
    let stride = 1;
    const texts: string[] = [];
    for (const [n, loop] of [...loops.entries()].reverse()) {
      const quotient = stride === 1 ? flat : `${flat} / ${stride}`;
      const value = n === 0 ? quotient : `${quotient} % ${loop.extent}`;
      if (loop.extent > 1) texts.unshift(`let ${names.declare(loop.name)}: i32 = ${value};`);
      stride *= loop.extent;
    }
    for (const text of texts) writer.line(text);
  };
  declare("workgroup", first === 0 ? "tl_group" : `(tl_group - ${first})`);
  declare("invocation", "i32(tl_lane)");
  printStmts(nest.prelude, context);
  printStmts(nest.body, context);
}

/** A maths routine as a function of the module, printed when it is first called. */
function addRoutine(fn: RoutineFn, type: ValueType, routines: Map<string, string>, helpers: Set<Helper>): string {
  const called = `tl_${fn}`;
  if (routines.has(called)) return called;
  const routine = routineFor(fn, type);
  if (routine === undefined) throw new CompilerBug(`wgsl: there is no routine for ${fn} of ${type}`);
  routines.set(called, "");
  routines.set(called, printRoutine(called, routine, { routines, helpers }));
  return called;
}

function printRoutine(
  called: string,
  routine: Routine,
  module: { readonly routines: Map<string, string>; readonly helpers: Set<Helper> },
): string {
  const context: Context = {
    writer: new Writer(),
    names: new WgslNames(),
    arrays: new Map(),
    wide: notWide,
    held: new Map(),
    stores: new Map(),
    helpers: module.helpers,
    indexed: new Set(),
    plainMinMax: true,
    routine: (fn, type) => addRoutine(fn, type, module.routines, module.helpers),
  };
  const params = routine.params.map(({ name, type }) => `${context.names.declare(name)}: ${typeText(type)}`);
  const result = legalize(routine.result);
  context.writer.block(`fn ${called}(${params.join(", ")}) -> ${typeText(result.type)} {`, () => {
    printStmts(legalizeStmts(routine.body), context);
    context.writer.line(`return ${exprText(result, context)};`);
  });
  return context.writer.toString();
}
