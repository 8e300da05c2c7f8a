/**
 * A kernel as one JavaScript function over typed arrays.
 *
 *   kernel k0_relu(read x: f32[512], write y: f32[512])      function k0_relu(x, y) {
 *     parallel i < 512                                         for (let i = 0; i < 512; i++) {
 *       y[i] = max(x[i], 0f)                             ->      y[i] = Math.max(x[i], 0);
 *                                                              }
 *                                                            }
 *
 * Parallel and thread loops become plain loops. An array variable whose indexes are all constant is a local per element,
 * acc_0_1; one that a loop still indexes is a typed array made once, outside the function, as are shared arrays: a step
 * allocates nothing.
 */
import { CompilerBug, unreachable } from "../../src/core/errors.ts";
import type {
  BufferParam,
  Kernel,
  LoopVar,
  Nest,
  Routine,
  SharedArray,
  Stmt,
  ValueType,
} from "../../src/kernel/kernel.ts";
import { elements } from "../arrays.ts";
import { usesIn } from "../uses.ts";
import { Writer } from "../writer.ts";
import type { JsContext, JsModule, Printed } from "./context.ts";
import { declare, inBlock, Namer, spell } from "./context.ts";
import { elementOf, printBounds, printExpr, printLet, printStored } from "./expr.ts";

type Of<K extends Stmt["kind"]> = Stmt & { readonly kind: K };

/** The kernel as the text of a function called `name`. */
export function printJsFunction(kernel: Kernel, name: string, module: JsModule): string {
  const stmts: Stmt[] = [];
  for (const { prelude, body } of kernel.nests) stmts.push(...prelude, ...body);
  const context = newContext(module, [...kernel.buffers, ...kernel.shared], stmts);
  const params = kernel.buffers.map((param) => declare(param.name, context));
  for (const { name: shared, type, count } of kernel.shared) {
    context.spelling.set(shared, module.array(`${name}_${shared}`, arrayOf(type), count));
  }
  const at = kernel.iterations.length === 0 ? [] : [context.names.fresh("iterations")];
  inBlock(`function ${name}(${[...params, ...at].join(", ")}) {`, context, () => {
    kernel.iterations.forEach((loop, i) => {
      context.writer.line(`const ${declare(loop.name, context)} = ${at[0]}[${i}];`);
      context.depths.set(loop.name, context.writer.depth);
    });
    for (const nest of kernel.nests) {
      if (kernel.nests.length === 1) printNest(nest, context);
      else inBlock("{", context, () => printNest(nest, context));
    }
  });
  return context.writer.toString();
}

/** A routine of the maths library as the text of a function called `name`. */
export function printJsRoutine(routine: Routine, name: string, module: JsModule): string {
  const context = newContext(module, [], routine.body);
  const params = routine.params.map((param) => declare(param.name, context));
  inBlock(`function ${name}(${params.join(", ")}) {`, context, () => {
    printStmts(routine.body, context);
    context.writer.line(`return ${printExpr(routine.result, context).text};`);
  });
  return context.writer.toString();
}

function newContext(
  module: JsModule,
  buffers: readonly (BufferParam | SharedArray)[],
  stmts: readonly Stmt[],
): JsContext {
  return {
    module,
    writer: new Writer(),
    names: new Namer(module.names),
    scopes: [{ conditional: false, indexes: new Map() }],
    buffers: new Map(buffers.map((buffer) => [buffer.name, buffer])),
    spelling: new Map(),
    depths: new Map(),
    arrays: new Map(),
    uses: usesIn(stmts),
    guarded: false,
  };
}

// ---- loops ---------------------------------------------------------------------------------------------------------

function printNest(nest: Nest, context: JsContext): void {
  printStmts(nest.prelude, context);
  const print = (depth: number): void => {
    const inner = nest.loops[depth];
    if (inner === undefined) {
      printStmts(nest.body, context);
      return;
    }
    if (inner.mark !== "parallel" && inner.mark !== "thread") {
      throw new CompilerBug(`the js target has no ${inner.mark} loops`);
    }
    printLoop(inner.loop, context, () => print(depth + 1));
  };
  print(0);
}

/** A loop of one iteration leaves its body in place: no index mentions its variable. */
function printLoop(loop: LoopVar, context: JsContext, body: () => void): void {
  if (loop.extent === 1) {
    body();
    return;
  }
  const name = declare(loop.name, context);
  inBlock(`for (let ${name} = 0; ${name} < ${loop.extent}; ${name}++) {`, context, () => {
    context.depths.set(loop.name, context.writer.depth);
    body();
  });
}

// ---- statements ----------------------------------------------------------------------------------------------------

function printStmts(stmts: readonly Stmt[], context: JsContext): void {
  for (let i = 0; i < stmts.length; i += 1) {
    const stmt = stmts[i];
    if (stmt !== undefined) printStmt(stmt, context);
  }
}

function printStmt(stmt: Stmt, context: JsContext): void {
  switch (stmt.kind) {
    case "for":
      if (stmt.mark === "lane") throw new CompilerBug("the js target has no lane loops");
      printLoop(stmt.loop, context, () => printStmts(stmt.body, context));
      break;
    case "let":
      printLet(stmt.name, stmt.value, context);
      break;
    case "var":
      printVar(stmt, context);
      break;
    case "assign":
      printAssign(stmt, context);
      break;
    case "store":
      printStore(stmt, context);
      break;
    case "if": {
      const condition = printExpr(stmt.condition, context).text;
      inBlock(`if (${condition}) {`, context, () => printStmts(stmt.body, context), true);
      break;
    }
    case "fold":
      throw new CompilerBug("js: folds are expanded before they are printed");
    case "matrix":
      throw new CompilerBug("the js target has no matrix units");
    case "barrier":
      break; // one thread runs everything: what was stored is seen
    case "exchange":
      throw new CompilerBug("the js target has no subgroups");
    default:
      unreachable(stmt);
  }
}

function printVar(stmt: Of<"var">, context: JsContext): void {
  const { writer } = context;
  const init = printExpr(stmt.init, context);
  if (stmt.shape.length === 0) {
    writer.line(`let ${declare(stmt.name, context)} = ${init.text};`);
    return;
  }
  if (context.uses.indexed.has(stmt.name)) {
    const count = stmt.shape.reduce((product, size) => product * size, 1);
    const name = context.module.array(stmt.name, arrayOf(stmt.type), count);
    context.arrays.set(stmt.name, { home: { kind: "array", name }, shape: stmt.shape });
    writer.line(`${name}.fill(${printStored(stmt.init, stmt.type, context).text});`);
    return;
  }
  const names = elements(stmt.shape).map((at) => context.names.fresh([stmt.name, ...at].join("_")));
  context.arrays.set(stmt.name, { home: { kind: "locals", names }, shape: stmt.shape });
  const [first, ...rest] = names;
  if (first === undefined) return;
  const value = stmt.init.kind === "const" ? init.text : first;
  writer.line(`let ${[`${first} = ${init.text}`, ...rest.map((name) => `${name} = ${value}`)].join(", ")};`);
}

function printAssign(stmt: Of<"assign">, context: JsContext): void {
  const array = context.arrays.get(stmt.name);
  const target = array === undefined ? spell(stmt.name, context) : elementOf(stmt.name, stmt.at, context);
  if (array?.home.kind === "array") {
    context.writer.line(`${target} = ${printStored(stmt.value, stmt.value.type, context).text};`);
    return;
  }
  const term = addedInDouble(stmt, context);
  if (term !== undefined) context.writer.line(`${target} += ${term.text};`);
  else context.writer.line(`${target} = ${printExpr(stmt.value, context).text};`);
}

/** `x` of `acc = acc + x` in f64, the one type whose sums need no rounding. */
function addedInDouble({ name, at, value }: Of<"assign">, context: JsContext): Printed | undefined {
  if (value.kind !== "apply" || value.fn !== "add" || value.type !== "f64") return undefined;
  const term = value.args[1];
  if (term === undefined || value.args[0] !== value.pool.name("f64", name, at)) return undefined;
  return printExpr(term, context);
}

function printStore(stmt: Of<"store">, context: JsContext): void {
  const condition = printBounds(stmt.guard, context);
  const write = (inside: JsContext): string => {
    const at = printExpr(stmt.at, inside).text;
    return `${spell(stmt.buffer, inside)}[${at}] = ${printStored(stmt.value, elementType(stmt.buffer, inside), inside).text};`;
  };
  if (condition === undefined) context.writer.line(write(context));
  else context.writer.line(`if (${condition.text}) ${write({ ...context, guarded: true })}`);
}

// ---- memory --------------------------------------------------------------------------------------------------------

function elementType(buffer: string, context: JsContext): Kernel["buffers"][number]["element"] {
  const declared = context.buffers.get(buffer);
  if (declared === undefined) throw new CompilerBug(`store to ${buffer}, which is not declared`);
  return "element" in declared ? declared.element : declared.type;
}

function arrayOf(type: ValueType): string {
  const arrays = {
    f32: "Float32Array",
    f64: "Float64Array",
    i32: "Int32Array",
    u32: "Uint32Array",
    bool: "Uint8Array",
  };
  return arrays[type];
}
