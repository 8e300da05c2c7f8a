/**
 * Statements as closures over a frame, for evaluate.ts.
 *
 * A statement without a barrier inside is a plain function. One with a barrier is a generator that stops there, so that the
 * invocations of a workgroup can wait for each other without threads.
 */
import { CompilerBug, unreachable } from "../core/errors.ts";
import type { Frame, Layout, Value } from "./evaluate-expr.ts";
import { cellOf, compileBounds, compileElement, compileExpr, reserve } from "./evaluate-expr.ts";
import type { Clock } from "./evaluate-memory.ts";
import { type Define, folds } from "./folds.ts";
import type { ExchangeStmt, FoldStmt, LoopVar, Stmt } from "./kernel.ts";
import { readsAny, someStmt } from "./rewrite.ts";

/** Without a barrier inside, a function; with one, a generator that stops at it. */
export type Code =
  | { readonly run: (frame: Frame) => void; readonly steps?: undefined }
  | { readonly steps: (frame: Frame) => Generator<Stmt, void> };

export interface Compiler {
  readonly layout: Layout;
  readonly clock: Clock;
  /** A workgroup has one invocation: no barrier waits. */
  readonly isAlone: boolean;
  /** Invocations of a workgroup, and where a frame has its own number. */
  readonly size: number;
  readonly invocation: number;
}

/** Loop values of the iteration `linear`, the last loop turning fastest. */
export function setLoops(frame: Frame, slots: readonly number[], loops: readonly LoopVar[], linear: number): void {
  let rest = linear;
  for (let i = loops.length - 1; i >= 0; i -= 1) {
    const extent = loops[i]?.extent ?? 1;
    frame[slots[i] ?? 0] = rest % extent;
    rest = Math.floor(rest / extent);
  }
}

export function runToEnd(code: Code, frame: Frame): void {
  if (code.steps === undefined) code.run(frame);
  else for (const _ of code.steps(frame));
}

export function compileStmts(stmts: readonly Stmt[], compiler: Compiler): Code {
  const codes = stmts.map((stmt) => compileStmt(stmt, compiler));
  const runs = codes.flatMap((code) => (code.steps === undefined ? [code.run] : []));
  const [only] = runs;
  if (runs.length < codes.length) {
    return {
      *steps(frame) {
        for (const code of codes) {
          if (code.steps === undefined) code.run(frame);
          else yield* code.steps(frame);
        }
      },
    };
  }
  if (runs.length === 1 && only !== undefined) return { run: only };
  return {
    run: (frame) => {
      for (const run of runs) run(frame);
    },
  };
}

function compileStmt(stmt: Stmt, compiler: Compiler): Code {
  const { layout } = compiler;
  switch (stmt.kind) {
    case "for":
      return compileFor(stmt, compiler);
    case "let": {
      const value = compileExpr(stmt.value, layout);
      const slot = reserve(layout, stmt.name);
      return {
        run: (frame) => {
          frame[slot] = value(frame);
        },
      };
    }
    case "var": {
      const init = compileExpr(stmt.init, layout);
      const slot = reserve(layout, stmt.name, stmt.shape);
      const end = layout.size.slots;
      return { run: (frame) => void frame.fill(init(frame), slot, end) };
    }
    case "assign": {
      const value = compileExpr(stmt.value, layout);
      const slot = compileElement(stmt.name, stmt.at, layout);
      return {
        run: (frame) => {
          frame[slot(frame)] = value(frame);
        },
      };
    }
    case "store":
      return compileStore(stmt, layout);
    case "fold":
      return compileFold(stmt, compiler);
    case "if":
      return compileIf(stmt, compiler);
    case "matrix":
      return compileStmts(stmt.body, compiler);
    case "barrier":
      return compileBarrier(stmt, compiler);
    case "exchange":
      return compileExchange(stmt, compiler);
    default:
      return unreachable(stmt);
  }
}

/** Parallel iterations in reverse, which shows where they know of each other. */
function compileFor({ loop, mark, body }: Stmt & { readonly kind: "for" }, compiler: Compiler): Code {
  const slot = reserve(compiler.layout, loop.name);
  const code = compileStmts(body, compiler);
  const { extent } = loop;
  const [first, by] = mark === "parallel" ? [extent - 1, -1] : [0, 1];
  if (code.steps === undefined) {
    const { run } = code;
    return {
      run: (frame) => {
        for (let i = 0; i < extent; i += 1) {
          frame[slot] = first + by * i;
          run(frame);
        }
      },
    };
  }
  const { steps } = code;
  return {
    *steps(frame) {
      for (let i = 0; i < extent; i += 1) {
        frame[slot] = first + by * i;
        yield* steps(frame);
      }
    },
  };
}

/** Element by element, as it is defined: what is joined is computed before any accumulator changes. */
function compileFold(stmt: FoldStmt, compiler: Compiler): Code {
  const { layout } = compiler;
  const { identity, join } = folds[stmt.fn];
  const loops = [...stmt.axes, ...stmt.block.map(({ loop }) => loop)];
  const slots = loops.map((loop) => reserve(layout, loop.name));
  const [once, each] = splitBody(stmt).map((stmts) => compileStmts(stmts, compiler));
  const holds = compileBounds(stmt.guard, layout);
  const shape = stmt.block.map(({ loop }) => loop.extent);
  const [value] = stmt.values;
  if (value === undefined) throw new CompilerBug("evaluate: a fold of nothing");
  const { pool } = value;
  const at = stmt.block.map(({ loop }) => pool.loop(loop));
  const size = sizeOf(shape);
  const places = stmt.accumulators.map(({ name }) => reserve(layout, name, shape));
  const starts = identity(stmt.accumulators[0]?.type ?? "f32");
  const held = stmt.accumulators.map(({ name, type }) => pool.name(type, name, at));
  const parts: ((frame: Frame) => void)[] = [];
  const define: Define = (hint, value) => {
    const computed = compileExpr(value, layout);
    const label = `${hint} of ${stmt.accumulators[0]?.name}`;
    const slot = reserve(layout, label);
    parts.push((frame) => {
      frame[slot] = computed(frame);
    });
    return pool.name(value.type, label);
  };
  const joined = join(held, stmt.values, define).map((value) => compileExpr(value, layout));
  const targets = stmt.accumulators.map(({ name }) => compileElement(name, at, layout));
  const step = joinStep(joined, targets);
  const count = sizeOf(loops.map(({ extent }) => extent));
  return {
    run: (frame) => {
      for (const [i, place] of places.entries()) frame.fill(starts[i] ?? 0, place, place + size);
      for (const slot of slots) frame[slot] = 0;
      for (let element = 0; element < count; element += 1) {
        if (holds === undefined || holds(frame)) {
          if (once !== undefined && (holds !== undefined || element % size === 0)) runToEnd(once, frame);
          if (each !== undefined) runToEnd(each, frame);
          for (const part of parts) part(frame);
          step(frame);
        }
        advance(frame, slots, loops);
      }
    },
  };
}

/** Gives accumulators their new values, all of which are computed from the old ones. */
function joinStep(joined: readonly Value[], targets: readonly Value[]): (frame: Frame) => void {
  const [only, target] = [joined[0], targets[0]];
  if (joined.length === 1 && only !== undefined && target !== undefined) {
    return (frame) => {
      frame[target(frame)] = only(frame);
    };
  }
  const next = new Float64Array(joined.length);
  return (frame) => {
    for (let i = 0; i < joined.length; i += 1) next[i] = joined[i]?.(frame) ?? 0;
    for (let i = 0; i < joined.length; i += 1) frame[targets[i]?.(frame) ?? 0] = next[i] ?? 0;
  };
}

/** What is the same for a whole block, and the rest: folds in folds, each for every element of a block, would never end. */
function splitBody({ body, block }: FoldStmt): readonly (readonly Stmt[])[] {
  const moving = new Set(block.map(({ loop }) => loop.name));
  const [once, each]: [Stmt[], Stmt[]] = [[], []];
  for (const stmt of body) {
    const moves = someStmt([stmt], { expr: (expr) => readsAny(expr, moving) });
    (moves ? each : once).push(stmt);
    if (moves && stmt.kind === "let") moving.add(stmt.name);
    else if (moves && stmt.kind === "fold") for (const { name } of stmt.accumulators) moving.add(name);
  }
  return [once, each];
}

/** The next iteration, the last loop turning fastest. */
function advance(frame: Frame, slots: readonly number[], loops: readonly LoopVar[]): void {
  for (let i = loops.length - 1; i >= 0; i -= 1) {
    const slot = slots[i] ?? 0;
    const value = (frame[slot] ?? 0) + 1;
    frame[slot] = value;
    if (value < (loops[i]?.extent ?? 1)) return;
    frame[slot] = 0;
  }
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function compileStore(stmt: Stmt & { readonly kind: "store" }, layout: Layout): Code {
  const { write } = cellOf(layout, stmt.buffer);
  const at = compileExpr(stmt.at, layout);
  const value = compileExpr(stmt.value, layout);
  const holds = compileBounds(stmt.guard, layout);
  return {
    run: (frame) => {
      const stored = value(frame);
      if (holds === undefined || holds(frame)) write(at(frame), stored);
    },
  };
}

function compileIf(stmt: Stmt & { readonly kind: "if" }, compiler: Compiler): Code {
  const condition = compileExpr(stmt.condition, compiler.layout);
  const code = compileStmts(stmt.body, compiler);
  if (code.steps === undefined) {
    const { run } = code;
    return {
      run: (frame) => {
        if (condition(frame) !== 0) run(frame);
      },
    };
  }
  const { steps } = code;
  return {
    *steps(frame) {
      if (condition(frame) !== 0) yield* steps(frame);
    },
  };
}

/** All show what they have, and then take; nobody shows the next before all have taken. */
function compileExchange(stmt: ExchangeStmt, { layout, size, invocation }: Compiler): Code {
  const { name, bits, mask } = stmt;
  const value = compileExpr(stmt.value, layout);
  const slot = reserve(layout, name);
  const shown = new Float64Array(size);
  return {
    *steps(frame) {
      const own = frame[invocation] ?? 0;
      shown[own] = value(frame);
      yield stmt;
      frame[slot] = shown[bits === "flipped" ? own ^ mask : own & ~mask] ?? Number.NaN;
      yield stmt;
    },
  };
}

function compileBarrier(stmt: Stmt & { readonly kind: "barrier" }, { clock, isAlone }: Compiler): Code {
  if (isAlone) {
    return {
      run: () => {
        clock.phase += 1;
        if (stmt.of === "buffers") clock.stage += 1;
      },
    };
  }
  return {
    *steps() {
      yield stmt;
    },
  };
}
