/**
 * A kernel as one WebAssembly function of the thread that runs it, and of the iterations of the loops around its launch.
 *
 *   kernel k0_relu(read x: f32[512], write y: f32[512])      (func $k0_relu (param $thread i32)
 *     thread i < 128                                           i from 128 * thread / threads, to that of the next
 *       for l < 4 lane                                  ->     loop
 *         y[4*i + l] = max(x[4*i + l], 0f)                       v128.load x; f32x4.max; v128.store y
 *
 * One thread loop of a nest is divided among the threads; a nest without one is run by a single thread.
 */

import { byteWidth } from "../../src/core/dtype.ts";
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import type { Apply, Expr, Index, Kernel, Nest, Routine, Stmt } from "../../src/kernel/kernel.ts";
import { ownExprs, readsAny, walkExpr, walkStmts } from "../../src/kernel/rewrite.ts";
import { laneCount } from "../../src/kernel/stride.ts";
import {
  differs,
  type MemoryPlace,
  newLanes,
  place,
  scalarType,
  type ValuePlace,
  varies,
  varyingNames,
  type WasmContext,
  type WasmModuleContext,
} from "./context.ts";
import type { FunctionWriter } from "./function.ts";
import { panelOffsets, type WasmLayout } from "./layout.ts";
import { writeDivided, writeLoop } from "./loops.ts";
import type { ValType } from "./opcodes.ts";
import { holdPointers, releasePointers, sharedPointers } from "./pointers.ts";
import type { Local } from "./refs.ts";
import { elementPlace, flatten, replaceLane, writeBounds, writeScalar, writeScalarStore } from "./scalar.ts";
import { writeMultiplyAdd, writeRoutine, writeVector } from "./vector.ts";
import { writeConstant, writeSplat } from "./vector-ops.ts";
import { neighboursOf, writeNeighbours, writeVectorStore } from "./vector-store.ts";

type Of<K extends Stmt["kind"]> = Stmt & { readonly kind: K };

/** What a function needs besides the kernel. */
export interface KernelSetting {
  readonly module: WasmModuleContext;
  readonly layout: WasmLayout;
  /** Called once per iteration of a thread loop: a sign of life. */
  readonly heartbeat: ((f: FunctionWriter, thread: Local) => void) | null;
}

/** `given`: the kernel's iterations. */
export function writeKernel(
  kernel: Kernel,
  f: FunctionWriter,
  thread: Local,
  given: readonly Local[],
  setting: KernelSetting,
): void {
  const { layout, module } = setting;
  const memory = new Map<string, MemoryPlace>();
  kernel.buffers.forEach(({ name, element }, param) => {
    memory.set(name, { element, address: { region: param, offset: 0 }, base: null });
  });
  if (kernel.shared.length > 0) {
    const base = layout.threads > 1 ? f.local("i32") : null;
    if (base !== null) {
      f.get(thread);
      f.constI32(layout.panelStride);
      f.op("i32.mul");
      f.set(base);
    }
    const { offsets } = panelOffsets(kernel);
    kernel.shared.forEach(({ name, type }, i) => {
      memory.set(name, { element: type, address: { region: "panels", offset: offsets[i] ?? 0 }, base });
    });
  }
  const stmts: Stmt[] = [];
  for (const { prelude, body } of kernel.nests) stmts.push(...prelude, ...body);
  const context: WasmContext = {
    f,
    module,
    memory,
    values: new Map(),
    loops: new Map(kernel.iterations.map(({ name }, i) => [name, place(given[i], name)])),
    pointers: new Map(),
    lanes: null,
    laned: lanedArrays(stmts),
    contracts: false,
  };
  kernel.nests.forEach((nest, n) => {
    const divided = dividedLoop(nest, layout.threads);
    const write = (): void => writeNest(nest, divided, context, thread, setting);
    if (layout.threads === 1 || divided >= 0) {
      write();
      return;
    }
    f.get(thread);
    f.constI32(n % layout.threads);
    f.op("i32.eq");
    f.if([], write);
  });
}

/** A routine of the maths library as a function: its parameters are the function's, of one lane or four. */
export function writeRoutineFunction(
  routine: Routine,
  lanes: boolean,
  f: FunctionWriter,
  params: readonly Local[],
  module: WasmModuleContext,
): void {
  if (lanes) {
    writeRoutine(routine, params, { f, module });
    return;
  }
  const values = new Map<string, ValuePlace>();
  routine.params.forEach(({ name }, i) => {
    values.set(name, { kind: "scalar", local: place(params[i], name) });
  });
  const context: WasmContext = {
    f,
    module,
    memory: new Map(),
    values,
    loops: new Map(),
    pointers: new Map(),
    lanes: null,
    laned: new Set(),
    contracts: false,
  };
  writeStmts(routine.body, context);
  writeScalar(routine.result, context);
}

/** Arrays whose last index is a lane loop's variable somewhere. */
function lanedArrays(stmts: readonly Stmt[]): ReadonlySet<string> {
  const laned = new Set<string>();
  // What may be one, and the loops: both are declared before they are read.
  const arrays = new Set<string>();
  const lanes = new Set<string>();
  const see = (name: string, at: readonly Index[]): void => {
    const last = at[at.length - 1];
    if (last?.kind === "loop" && lanes.has(last.loop.name)) laned.add(name);
  };
  const read = (expr: Expr): undefined => {
    if (expr.kind === "name") see(expr.name, expr.at);
  };
  walkStmts(stmts, {
    stmt: (stmt) => {
      if (stmt.kind === "for" && stmt.mark === "lane") lanes.add(stmt.loop.name);
      else if (stmt.kind === "var" && stmt.shape[stmt.shape.length - 1] === laneCount) arrays.add(stmt.name);
      if (arrays.size === 0 || lanes.size === 0) return; // few kernels have such arrays, and expressions are many
      if (stmt.kind === "assign") see(stmt.name, stmt.at);
      const exprs = ownExprs(stmt);
      for (let i = 0; i < exprs.length; i += 1) {
        const expr = exprs[i];
        if (expr !== undefined && readsAny(expr, lanes) && readsAny(expr, arrays)) walkExpr(expr, read);
      }
    },
  });
  return laned;
}

/** Iterations for each thread from which on it matters little that they do not divide evenly. */
const enoughIterations = 4;

/** The place of the outermost thread loop that is long enough to divide, else of the longest; -1 where there is none. */
export function dividedLoop({ loops }: Nest, threads: number): number {
  const extents = loops.map(({ loop, mark }) => (mark === "thread" ? loop.extent : -1));
  const long = extents.findIndex((extent) => extent >= enoughIterations * threads);
  const longest = Math.max(...extents);
  return long >= 0 ? long : longest < 0 ? -1 : extents.indexOf(longest);
}

// ---- loops ---------------------------------------------------------------------------------------------------------

/** `divided` is the place of the loop whose iterations the threads share. */
function writeNest(nest: Nest, divided: number, context: WasmContext, thread: Local, setting: KernelSetting): void {
  const { threads } = setting.layout;
  writeStmts(nest.prelude, context);
  const write = (depth: number): void => {
    const inner = nest.loops[depth];
    if (inner === undefined) {
      writeStmts(nest.body, context);
      return;
    }
    if (inner.mark !== "parallel" && inner.mark !== "thread") {
      throw new CompilerBug(`the wasm target has no ${inner.mark} loops`);
    }
    const innermost = depth === nest.loops.length - 1 ? nest.body : null;
    // One vector of a map an iteration would be slowed by a sign of life, and is done long before anyone asks for one.
    const isLong = depth < nest.loops.length - 1 || nest.body.some(holdsLoop);
    const alive = isLong ? setting.heartbeat : null;
    if (depth !== divided || threads === 1) writeLoop(inner.loop, innermost, context, () => write(depth + 1));
    else {
      writeDivided(inner.loop, innermost, context, { thread, threads }, () => {
        alive?.(context.f, thread);
        write(depth + 1);
      });
    }
  };
  write(0);
}

function holdsLoop(stmt: Stmt): boolean {
  return stmt.kind === "for" && (stmt.mark === "serial" || stmt.body.some(holdsLoop));
}

// ---- statements ----------------------------------------------------------------------------------------------------

function writeStmts(stmts: readonly Stmt[], context: WasmContext): void {
  const pointers = sharedPointers(stmts, context);
  holdPointers(pointers, context);
  for (let i = 0; i < stmts.length; i += 1) {
    const stmt = stmts[i];
    if (stmt === undefined) break;
    const neighbours = neighboursOf(stmt, stmts[i + 1], context);
    if (neighbours === undefined) writeStmt(stmt, context);
    else {
      writeNeighbours(neighbours, context);
      i += 1;
    }
  }
  releasePointers(pointers, context);
}

function writeStmt(stmt: Stmt, context: WasmContext): void {
  switch (stmt.kind) {
    case "for":
      if (stmt.mark === "lane") writeLanes(stmt, context);
      else writeLoop(stmt.loop, stmt.body, context, () => writeStmts(stmt.body, context));
      return;
    case "let":
      writeLet(stmt, context);
      return;
    case "var":
      writeVar(stmt, context);
      return;
    case "assign":
      writeAssign(stmt, context);
      return;
    case "store":
      writeStore(stmt, context);
      return;
    case "if":
      if (varies(stmt.condition, context.lanes)) throw new CompilerBug("wasm: an if that differs between lanes");
      writeScalar(stmt.condition, context);
      context.f.if([], () => writeStmts(stmt.body, context));
      return;
    case "fold":
      throw new CompilerBug("wasm: folds are expanded before they are printed");
    case "matrix":
      throw new CompilerBug("the wasm target has no matrix units");
    case "barrier":
      throw new CompilerBug("the wasm target has no barrier inside kernels");
    case "exchange":
      throw new CompilerBug("the wasm target has no subgroups");
    default:
      unreachable(stmt);
  }
}

function writeLanes(stmt: Of<"for">, context: WasmContext): void {
  const { loop, body } = stmt;
  if (context.lanes !== null) throw new CompilerBug("wasm: lanes inside lanes");
  if (loop.extent !== laneCount) throw new CompilerBug(`wasm: ${loop.extent} lanes`);
  const varying = varyingNames(loop.name, body, (buffer) => {
    return byteWidth(place(context.memory.get(buffer), buffer).element) === 4;
  });
  writeStmts(body, { ...context, lanes: newLanes(loop.name, varying) });
}

function writeLet(stmt: Of<"let">, context: WasmContext): void {
  const { f, lanes } = context;
  const { type } = stmt.value;
  if (lanes?.varying.has(stmt.name) === true) {
    writeVector(stmt.value, context);
    const local = f.local("v128");
    f.set(local);
    context.values.set(stmt.name, { kind: "vector", local });
    return;
  }
  writeScalar(stmt.value, context);
  const local = f.local(scalarType(type));
  f.set(local);
  context.values.set(stmt.name, { kind: "scalar", local });
}

function writeVar(stmt: Of<"var">, context: WasmContext): void {
  const { f, lanes, laned } = context;
  const count = stmt.shape.reduce((product, size) => product * size, 1);
  if (laned.has(stmt.name)) {
    if (lanes !== null) throw new CompilerBug(`wasm: ${stmt.name} keeps lanes and is declared inside of them`);
    const elements = Array.from({ length: count / laneCount }, () => f.local("v128"));
    for (const [i, local] of elements.entries()) {
      if (context.module.joinsVectors && stmt.init.kind === "const") {
        if (i > 0) f.get(place(elements[0], stmt.name));
        else writeConstant(stmt.type, stmt.init.value, context);
        f.set(local);
        continue;
      }
      writeScalar(stmt.init, context);
      writeSplat(stmt.type, context);
      f.set(local);
    }
    context.values.set(stmt.name, { kind: "laned", shape: stmt.shape, elements });
    return;
  }
  const isVector = lanes?.varying.has(stmt.name) === true;
  const type: ValType = isVector ? "v128" : scalarType(stmt.type);
  const elements: (ValuePlace & { readonly kind: "scalar" | "vector" })[] = [];
  for (let i = 0; i < count; i += 1) elements.push({ kind: isVector ? "vector" : "scalar", local: f.local(type) });
  const first = elements[0];
  for (let i = 0; i < count; i += 1) {
    // All start from the one value: V8 takes two sums for halves of a wider one only where they start alike.
    if (i > 0) f.get(place(first, stmt.name).local);
    else if (isVector) writeVector(stmt.init, context);
    else writeScalar(stmt.init, context);
    f.set(place(elements[i], stmt.name).local);
  }
  if (stmt.shape.length === 0 && first !== undefined) context.values.set(stmt.name, first);
  else context.values.set(stmt.name, { kind: "array", shape: stmt.shape, elements });
}

function writeAssign(stmt: Of<"assign">, context: WasmContext): void {
  const { f, lanes } = context;
  const found = place(context.values.get(stmt.name), stmt.name);
  if (found.kind === "laned") {
    const local = place(found.elements[flatten(stmt.at.slice(0, -1), found.shape.slice(0, -1))], stmt.name);
    const last = stmt.at[stmt.at.length - 1];
    if (last?.kind === "const") {
      f.get(local);
      writeScalar(stmt.value, context);
      replaceLane(stmt.value.type, last.value, context);
    } else if (last?.kind === "loop" && last.loop.name === lanes?.loop) writeVector(stmt.value, context);
    else throw new CompilerBug(`wasm: a lane of ${stmt.name} is picked by a ${last?.kind}`);
    f.set(local);
    return;
  }
  const exact = found.kind === "array" ? elementPlace(found, stmt.at) : found;
  if (exact.kind === "vector") {
    const sum = context.module.relaxed ? addsTo(stmt) : undefined;
    if (sum === undefined || !writeMultiplyAdd(sum, context)) writeVector(stmt.value, context);
    f.set(exact.local);
  } else if (exact.kind === "scalar" && !varies(stmt.value, lanes)) {
    writeScalar(stmt.value, context);
    f.set(exact.local);
  } else throw new CompilerBug(`wasm: ${stmt.name} is assigned a value for each lane`);
}

/** `acc = acc + ...`: sums of products are held to a bound that allows a product and its sum to be rounded once. */
function addsTo({ name, value }: Of<"assign">): Apply | undefined {
  if (value.kind !== "apply" || value.fn !== "add") return undefined;
  const [sum] = value.args;
  return sum?.kind === "name" && sum.name === name ? value : undefined;
}

function writeStore(stmt: Of<"store">, context: WasmContext): void {
  const { lanes, f } = context;
  const each = varies(stmt.value, lanes) || varies(stmt.at, lanes);
  const guardVaries = differs(stmt.guard, lanes);
  if (guardVaries && lanes !== null) {
    for (let only = 0; only < laneCount; only++) writeStore(stmt, { ...context, lanes: { ...lanes, only } });
    return;
  }
  const write = (): void => {
    if (each) writeVectorStore(stmt.buffer, stmt.at, stmt.value, context);
    else writeScalarStore(stmt.buffer, stmt.at, stmt.value, context);
  };
  if (writeBounds(stmt.guard, context)) f.if([], write);
  else write();
}
