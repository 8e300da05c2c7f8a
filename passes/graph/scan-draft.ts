/**
 * A scan taken apart, so that passes can change what it carries, reads and stacks: nodes of the body beside nodes of the graph
 * around it. `built` puts it together again, with what is left.
 */
import { CompilerBug } from "../../src/core/errors.ts";
import { Body, bodyOf, closeBody, iterationName } from "../../src/graph/body.ts";
import { attrsOf } from "../../src/graph/define.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { neededBy, resultOf } from "../../src/graph/graph.ts";
import type { Build, Node } from "../../src/graph/node.ts";
import { scan } from "../../src/graph/ops/loop.ts";
import type { Dim } from "../../src/graph/shape.ts";

/** A node of the body that stands for an operand. */
export interface Read {
  readonly operand: Node;
  readonly parameter: Node;
}

export interface Carry {
  /** Which result of the scan this is. */
  readonly result: number;
  readonly init: Node;
  /** Not there where nothing reads it. */
  readonly parameter: Node | undefined;
  readonly next: Node;
}

export interface Stack {
  /** Which result of the scan this is; null for one that is new. */
  readonly result: number | null;
  readonly value: Node;
}

export interface ScanDraft {
  readonly carries: readonly Carry[];
  /** Operands that are read row by row, and those that are read as they are. */
  readonly rows: readonly Read[];
  readonly captured: readonly Read[];
  readonly stacks: readonly Stack[];
  readonly iteration: Node | undefined;
  readonly length: Dim;
  readonly reverse: boolean;
}

/** The parts of an application; `args` are its operands where they are wanted. */
export function takenApart(node: Node, args: readonly Node[]): ScanDraft {
  const { body: closed, carries, slices, length, reverse } = attrsOf(node, scan);
  const { parameters, next, outputs, iteration } = bodyOf(closed);
  const read = (from: number, to: number): readonly Read[] =>
    args.slice(from, to).flatMap((operand, i) => {
      const parameter = parameters.get(from + i);
      return parameter === undefined ? [] : [{ operand, parameter }];
    });
  return {
    carries: next.map((value, i) => ({ result: i, init: at(args, i), parameter: parameters.get(i), next: value })),
    rows: read(carries, carries + slices),
    captured: read(carries + slices, args.length),
    stacks: outputs.map((value, i) => ({ result: carries + i, value })),
    iteration,
    length,
    reverse,
  };
}

/** The results of the scan that a draft is: those of its carries, and those of its stacks. */
export interface Built {
  readonly carries: readonly Node[];
  readonly stacks: readonly Node[];
}

/** `within`: what becomes of the body. */
export function built(draft: ScanDraft, build: Build, within: (body: Entry) => Entry = (body) => body): Built {
  const { carries, stacks, iteration, length, reverse } = draft;
  const values = [...carries.map(({ next }) => next), ...stacks.map(({ value }) => value)];
  if (values.length === 0) return { carries: [], stacks: [] };
  const sources = new Map<Node, Node>();
  for (const { parameter } of [...draft.rows, ...draft.captured]) sources.set(parameter, parameter);
  const needed = new Set(neededBy(values, sources));
  const rows = draft.rows.filter(({ parameter }) => needed.has(parameter));
  const captured = draft.captured.filter(({ parameter }) => needed.has(parameter));
  const operands = [...carries.map(({ init, parameter }) => ({ operand: init, parameter })), ...rows, ...captured];
  const named = new Map<string, Node>();
  operands.forEach(({ parameter }, i) => {
    if (parameter !== undefined) named.set(String(i), parameter);
  });
  if (iteration !== undefined) named.set(iterationName, iteration);
  const closed = closeBody(named, values.slice(carries.length), values.slice(0, carries.length), carries.length);
  const made = build.node(
    scan,
    operands.map(({ operand }) => operand),
    {
      body: new Body(within(closed.entry)),
      length,
      carries: carries.length,
      slices: rows.length,
      reverse,
    },
  );
  const results = values.map((_, i) => resultOf(made, i));
  return { carries: results.slice(0, carries.length), stacks: results.slice(carries.length) };
}

function at(nodes: readonly Node[], i: number): Node {
  const found = nodes[i];
  if (found === undefined) throw new CompilerBug(`a scan has no operand ${i}`);
  return found;
}
