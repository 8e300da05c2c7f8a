/**
 * Statements as closures over a frame, for evaluate.ts.
 *
 * A statement without a barrier inside is a plain function. One with a barrier is a generator that stops there, so that the
 * invocations of a workgroup can wait for each other without threads.
 */
import { unreachable } from "../core/errors.ts";
import type { Frame, Layout } from "./evaluate-expr.ts";
import { cellOf, compileBounds, compileElement, compileExpr, compileIndex, reserve } from "./evaluate-expr.ts";
import type { Clock } from "./evaluate-memory.ts";
import type { LoopVar, Stmt } from "./kernel.ts";

/** Without a barrier inside, a function; with one, a generator that stops at it. */
export type Code =
  | { readonly run: (frame: Frame) => void; readonly steps?: undefined }
  | { readonly steps: (frame: Frame) => Generator<Stmt, void> };

export interface Compiler {
  readonly layout: Layout;
  readonly clock: Clock;
  /** A workgroup has one invocation: no barrier waits. */
  readonly isAlone: boolean;
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
    case "if":
      return compileIf(stmt, compiler);
    case "barrier":
      return compileBarrier(stmt, compiler);
    default:
      return unreachable(stmt);
  }
}

function compileFor({ loop, body }: Stmt & { readonly kind: "for" }, compiler: Compiler): Code {
  const slot = reserve(compiler.layout, loop.name);
  const code = compileStmts(body, compiler);
  const { extent } = loop;
  if (code.steps === undefined) {
    const { run } = code;
    return {
      run: (frame) => {
        for (let i = 0; i < extent; i += 1) {
          frame[slot] = i;
          run(frame);
        }
      },
    };
  }
  const { steps } = code;
  return {
    *steps(frame) {
      for (let i = 0; i < extent; i += 1) {
        frame[slot] = i;
        yield* steps(frame);
      }
    },
  };
}

function compileStore(stmt: Stmt & { readonly kind: "store" }, layout: Layout): Code {
  const { write } = cellOf(layout, stmt.buffer);
  const at = compileIndex(stmt.at, layout);
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

function compileBarrier(stmt: Stmt & { readonly kind: "barrier" }, { clock, isAlone }: Compiler): Code {
  if (isAlone) {
    return {
      run: () => {
        clock.phase += 1;
      },
    };
  }
  return {
    *steps() {
      yield stmt;
    },
  };
}
