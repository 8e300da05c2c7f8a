/**
 * What a pass is: a named pure function. Their order stands in src/stages.ts.
 */
import type { Entry } from "../../src/graph/entry.ts";
import type { Node, OpKind } from "../../src/graph/node.ts";
import type { Dims } from "../../src/graph/shape.ts";

/** What a pass may know beside the program it works on. */
export interface PassContext {
  /** Sizes of the symbolic dimensions. */
  readonly dims: Dims;
  /** Something the user should know that is no error: a sentence with their line in it. */
  warn(message: string): void;
  /** Follows rewrites, for tools; mostly there is nobody. */
  readonly rewrites?: Rewrites | undefined;
}

/** Is told what becomes of nodes. A pass of several rounds tells of each: what it is given goes through one graph after the other. */
export interface Rewrites {
  /** In a round, `after` stands in the place of `before`. */
  moved(before: Node, after: Node): void;
  /** A law has fired at `before`, which is then moved. */
  fired(law: string, before: Node): void;
}

export interface GraphPass {
  readonly name: string;
  /** Kinds of op that no later pass meets: checked from here on. */
  readonly expands?: readonly OpKind[];
  run(entry: Entry, context: PassContext): Entry;
}
