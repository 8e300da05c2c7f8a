/**
 * Expressions and indexes as closures over a frame, compiled once per kernel.
 *
 * A frame is the memory of one iteration: a Float64Array in which every loop variable, `let` and `var`
 * has its place, fixed before anything runs. All five value types fit a double, so a value is a function from a frame to a number.
 */

import { roundTo } from "../core/dtype.ts";
import { CompilerBug, unreachable } from "../core/errors.ts";
import { type Cell, Faults } from "./evaluate-memory.ts";
import { bitcastMeaning, meaningOf } from "./evaluate-scalar.ts";
import type { Apply, Bound, Expr, Index, Load, Ranged, Routine, RoutineFn, Stmt, Sum, ValueType } from "./kernel.ts";
import { isRoutineFn } from "./kernel.ts";
import { printExpr } from "./print.ts";

export type Frame = Float64Array;
export type Value = (frame: Frame) => number;

/** The functions of maths/, in the kernel language (`routineFor`); undefined where the engine's own should stand in. */
export type Routines = (fn: RoutineFn, type: ValueType) => Routine | undefined;

export interface Place {
  readonly slot: number;
  readonly shape: readonly number[];
}

/** What is known while closures are made. */
export interface Layout {
  readonly places: Map<string, Place>;
  readonly size: { slots: number };
  readonly cells: ReadonlyMap<string, Cell>;
  readonly faults: Faults;
  readonly routines: Routines | undefined;
  readonly compiled: Map<string, CompiledRoutine>;
}

interface CompiledRoutine {
  readonly params: readonly number[];
  readonly run: Value;
}

export function newLayout(cells: ReadonlyMap<string, Cell>, faults: Faults, routines: Routines | undefined): Layout {
  return { places: new Map(), size: { slots: 0 }, cells, faults, routines, compiled: new Map() };
}

/** A place in the frame; returns its first slot. */
export function reserve(layout: Layout, name: string, shape: readonly number[] = []): number {
  const slot = layout.size.slots;
  layout.places.set(name, { slot, shape });
  layout.size.slots += shape.reduce((product, size) => product * size, 1);
  return slot;
}

function placeOf(layout: Layout, name: string): Place {
  const place = layout.places.get(name);
  if (place === undefined) throw new CompilerBug(`evaluate: ${name} is not in scope`);
  return place;
}

export function cellOf(layout: Layout, name: string): Cell {
  const cell = layout.cells.get(name);
  if (cell === undefined) throw new CompilerBug(`evaluate: ${name} is no buffer or shared array`);
  return cell;
}

// ---- parts of expressions -------------------------------------------------------------------------------------------------------

function slotValue(slot: number): Value {
  return (frame) => frame[slot] ?? 0;
}

/** A number known only at run time, held to the range that the compiler was promised. */
function promised(value: Value, index: Ranged, faults: Faults): Value {
  const { min, max } = index;
  return (frame) => {
    const number = value(frame);
    if (!(number >= min && number <= max)) {
      faults.report(
        "range",
        String(index.id),
        () => `range: ${printExpr(index)} is ${number}, promised ${min}..${max}`,
      );
    }
    return number;
  };
}

/** Loops are read where they are, without a call: an index is most of what a kernel computes. */
function compileSum({ terms, offset }: Sum, layout: Layout): Value {
  const loops: Term[] = [];
  const others: Other[] = [];
  for (const { index, factor } of terms) {
    if (index.kind === "loop") loops.push({ factor, slot: placeOf(layout, index.loop.name).slot });
    else others.push({ factor, value: compileExpr(index, layout) });
  }
  const sum = sumOfLoops(loops, offset);
  const [first, second] = others;
  if (first === undefined) return sum;
  const [f0, v0] = [first.factor, first.value];
  if (second === undefined) return (frame) => f0 * v0(frame) + sum(frame);
  const [f1, v1] = [second.factor, second.value];
  if (others.length === 2) return (frame) => f0 * v0(frame) + f1 * v1(frame) + sum(frame);
  return (frame) => {
    let total = sum(frame);
    for (const { factor, value } of others) total += factor * value(frame);
    return total;
  };
}

interface Term {
  readonly factor: number;
  readonly slot: number;
}

interface Other {
  readonly factor: number;
  readonly value: Value;
}

function sumOfLoops(loops: readonly Term[], offset: number): Value {
  const [f0 = 0, f1 = 0, f2 = 0, f3 = 0] = loops.map(({ factor }) => factor);
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = loops.map(({ slot }) => slot);
  switch (loops.length) {
    case 0:
      return () => offset;
    case 1:
      return (frame) => f0 * (frame[s0] ?? 0) + offset;
    case 2:
      return (frame) => f0 * (frame[s0] ?? 0) + f1 * (frame[s1] ?? 0) + offset;
    case 3:
      return (frame) => f0 * (frame[s0] ?? 0) + f1 * (frame[s1] ?? 0) + f2 * (frame[s2] ?? 0) + offset;
    case 4:
      return (frame) =>
        f0 * (frame[s0] ?? 0) + f1 * (frame[s1] ?? 0) + f2 * (frame[s2] ?? 0) + f3 * (frame[s3] ?? 0) + offset;
    default:
      return (frame) => {
        let sum = offset;
        for (const { factor, slot } of loops) sum += factor * (frame[slot] ?? 0);
        return sum;
      };
  }
}

/** True where all bounds hold; undefined where there are none. */
export function compileBounds(bounds: readonly Bound[], layout: Layout): ((frame: Frame) => boolean) | undefined {
  const tests = bounds.map(({ index, extent }) => {
    const value = compileExpr(index, layout);
    return (frame: Frame): boolean => {
      const at = value(frame);
      return at >= 0 && at < extent;
    };
  });
  const [first, second] = tests;
  if (first === undefined || second === undefined) return first;
  if (tests.length === 2) return (frame) => first(frame) && second(frame);
  return (frame) => {
    for (const test of tests) if (!test(frame)) return false;
    return true;
  };
}

/** The slot of an element of a variable, or -1 (and a fault) outside of it. */
export function compileElement(name: string, at: readonly Index[], layout: Layout): Value {
  const { slot, shape } = placeOf(layout, name);
  if (at.length !== shape.length) throw new CompilerBug(`evaluate: ${name} has ${shape.length} axes`);
  const known = knownElement(at, shape);
  if (known !== undefined) return () => slot + known;
  const indexes = at.map((index) => compileExpr(index, layout));
  return (frame) => {
    let element = 0;
    for (let axis = 0; axis < indexes.length; axis += 1) {
      const size = shape[axis] ?? 0;
      const value = indexes[axis]?.(frame) ?? 0;
      if (!(value >= 0 && value < size)) {
        layout.faults.report("variable", name, () => `out of bounds: axis ${axis} of ${name} at ${value} of ${size}`);
        return -1;
      }
      element = element * size + value;
    }
    return slot + element;
  };
}

/** Of an element that is the same in all iterations, and lies inside: what is written out has many. */
function knownElement(at: readonly Index[], shape: readonly number[]): number | undefined {
  if (at.length !== shape.length) return undefined;
  let element = 0;
  for (const [axis, index] of at.entries()) {
    const size = shape[axis] ?? 0;
    if (index.kind !== "const" || !(index.value >= 0 && index.value < size)) return undefined;
    element = element * size + index.value;
  }
  return element;
}

// ---- expressions ---------------------------------------------------------------------------------------------------

export function compileExpr(expr: Expr, layout: Layout): Value {
  switch (expr.kind) {
    case "const": {
      const { value } = expr;
      return () => value;
    }
    case "name": {
      const place = placeOf(layout, expr.name);
      const known = knownElement(expr.at, place.shape);
      if (known !== undefined) return slotValue(place.slot + known);
      const slot = compileElement(expr.name, expr.at, layout);
      return (frame) => frame[slot(frame)] ?? 0;
    }
    case "load":
      return compileLoad(expr, layout);
    case "apply":
      return compileApply(expr, layout);
    case "convert": {
      const [type, value] = [expr.type, compileExpr(expr.value, layout)];
      return type === "f64" ? value : (frame) => roundTo(type, value(frame));
    }
    case "bitcast": {
      const value = compileExpr(expr.value, layout);
      const meaning = bitcastMeaning(expr.value.type, expr.type);
      return (frame) => meaning(value(frame));
    }
    case "loop":
      return slotValue(placeOf(layout, expr.loop.name).slot);
    case "ranged":
      return promised(compileExpr(expr.value, layout), expr, layout.faults);
    case "sum":
      return compileSum(expr, layout);
    case "floorDiv": {
      const [inner, by] = [compileExpr(expr.index, layout), expr.by];
      return (frame) => Math.floor(inner(frame) / by);
    }
    case "mod": {
      const [inner, by] = [compileExpr(expr.index, layout), expr.by];
      return (frame) => {
        const rest = inner(frame) % by;
        return rest < 0 ? rest + by : rest + 0;
      };
    }
    default:
      return unreachable(expr);
  }
}

function compileLoad(load: Load, layout: Layout): Value {
  const { read } = cellOf(layout, load.buffer);
  const at = compileExpr(load.at, layout);
  if (load.guard === undefined) return (frame) => read(at(frame));
  const holds = compileBounds(load.guard.bounds, layout);
  const otherwise = compileExpr(load.guard.otherwise, layout);
  return (frame) => (holds === undefined || holds(frame) ? read(at(frame)) : otherwise(frame));
}

function compileApply({ type, fn, args }: Apply, layout: Layout): Value {
  const values = args.map((arg) => compileExpr(arg, layout));
  const [x, y, z] = values;
  const operand = args.at(-1)?.type ?? type;
  if (x === undefined) throw new CompilerBug(`evaluate: ${fn} without operands`);
  const routine = isRoutineFn(fn) ? routineOf(fn, operand, layout) : undefined;
  if (routine !== undefined)
    return call(
      routine,
      args.map((arg) => compileExpr(arg, layout)),
    );
  if (y !== undefined && operand === "f32") {
    if (fn === "add") return (frame) => Math.fround(x(frame) + y(frame));
    if (fn === "sub") return (frame) => Math.fround(x(frame) - y(frame));
    if (fn === "mul") return (frame) => Math.fround(x(frame) * y(frame));
  }
  if (y !== undefined && operand === "f64") {
    if (fn === "add") return (frame) => x(frame) + y(frame);
    if (fn === "mul") return (frame) => x(frame) * y(frame);
  }
  const meaning = meaningOf(fn, operand);
  if (y === undefined) return (frame) => meaning(x(frame), 0, 0);
  if (z === undefined) return (frame) => meaning(x(frame), y(frame), 0);
  return (frame) => meaning(x(frame), y(frame), z(frame));
}

// ---- routines ------------------------------------------------------------------------------------------------------

/** A routine as a JavaScript function of numbers, which it rounds to its parameters' types. Functions it calls come from `routines`, or from the engine. */
export function evaluateRoutine(routine: Routine, routines?: Routines): (...args: readonly number[]) => number {
  const layout = newLayout(new Map(), new Faults(), routines);
  const compiled = compileRoutine(routine, layout);
  const frame = new Float64Array(layout.size.slots);
  return (...args) => {
    for (const [i, { type }] of routine.params.entries()) {
      frame[compiled.params[i] ?? 0] = roundTo(type, args[i] ?? Number.NaN);
    }
    return compiled.run(frame);
  };
}

/** On f64 the functions of maths/ are the engine's own. */
function routineOf(fn: RoutineFn, type: ValueType, layout: Layout): CompiledRoutine | undefined {
  if (type === "f64") return undefined;
  const key = `${fn} ${type}`;
  const known = layout.compiled.get(key);
  if (known !== undefined) return known;
  const routine = layout.routines?.(fn, type);
  if (routine === undefined && fn === "threefry")
    throw new CompilerBug("evaluate: threefry needs the `routines` option");
  if (routine === undefined) return undefined;
  const compiled = compileRoutine(routine, layout);
  layout.compiled.set(key, compiled);
  return compiled;
}

/** Names of a routine are its own; its places are in the caller's frame, as no routine calls itself. */
function compileRoutine(routine: Routine, caller: Layout): CompiledRoutine {
  const layout: Layout = { ...caller, places: new Map() };
  const params = routine.params.map((param) => reserve(layout, param.name));
  const lets = routine.body.map((stmt) => compileLet(stmt, layout));
  const result = compileExpr(routine.result, layout);
  return {
    params,
    run: (frame) => {
      for (const run of lets) run(frame);
      return result(frame);
    },
  };
}

function compileLet(stmt: Stmt, layout: Layout): (frame: Frame) => void {
  if (stmt.kind !== "let") throw new CompilerBug(`evaluate: a ${stmt.kind} in a routine`);
  const value = compileExpr(stmt.value, layout);
  const slot = reserve(layout, stmt.name);
  return (frame) => {
    frame[slot] = value(frame);
  };
}

function call({ params, run }: CompiledRoutine, args: readonly Value[]): Value {
  const [p0 = 0] = params;
  const [x] = args;
  if (x === undefined || params.length !== args.length) throw new CompilerBug("evaluate: a routine of other arity");
  if (args.length === 1) {
    return (frame) => {
      frame[p0] = x(frame);
      return run(frame);
    };
  }
  const given = new Float64Array(args.length);
  return (frame) => {
    // All operands before the first parameter: they may call the same routine.
    for (let i = 0; i < args.length; i += 1) given[i] = args[i]?.(frame) ?? 0;
    for (let i = 0; i < args.length; i += 1) frame[params[i] ?? 0] = given[i] ?? 0;
    return run(frame);
  };
}
