/**
 * Names from the user's source: what dumps, kernels, profiles and pictures call a node in place of %37.
 *
 *   const naming = namingOf(program);                      nothing is loaded or read yet
 *   const names = naming(entry);                           of any stage of one of the program's entries
 *   names.get(node)                                        "hidden", or undefined
 *   printEntry(entry, names); drawEntry(entry, null, names)
 *   stagesOf(program, name, dims, target, options, { naming })     buffers and kernels are called so, too
 *
 * In this order a node is called by
 *
 *   input, state     its path in the user's tree: model_dense1_kernel
 *   variable         what the user's source assigns it to (written.ts)
 *   output, next     the entry's result that it is: loss, next_model_dense1_kernel
 *   layer            the layer that gives it: dense1
 *
 * and is left its number where none of these is known. A node has the same name at every stage: names belong to calls, by their traces,
 * which passes keep; what a pass writes in place of one node is called so where it ends. Nothing here throws for what a source looks
 * like. The first name that is asked for loads TypeScript's parser (typescript.ts) and reads the files that nodes point into.
 */
import type { Program } from "../../dsl/program.ts";
import type { Entry } from "../../graph/entry.ts";
import type { Node } from "../../graph/node.ts";
import type { NodeNames } from "../../graph/node-names.ts";
import { input, state } from "../../graph/ops/source.ts";
import { Identifiers, identifierOf } from "./identifiers.ts";
import { Sources } from "./sources.ts";
import { allNodes, namesWritten, tellingOf, type WrittenName } from "./written.ts";

/** Names for the nodes of an entry, at whatever stage. */
export type Naming = (entry: Entry) => NodeNames;

/** Names for the entries of a program. */
export function namingOf(program: Pick<Program<unknown>, "entries">): Naming {
  const sources = new Sources();
  const vocabularies = new Map<string, Vocabulary>();
  const made = new WeakMap<Entry, NodeNames>();
  return (entry) => {
    const known = made.get(entry);
    if (known !== undefined) return known;
    const written = program.entries.get(entry.name) ?? entry;
    const vocabulary = vocabularies.get(entry.name) ?? vocabularyOf(written, sources);
    vocabularies.set(entry.name, vocabulary);
    const names = namesIn(entry, vocabulary);
    made.set(entry, names);
    return names;
  };
}

/** All names of an entry, before it is said which node of a stage has which. */
interface Vocabulary {
  readonly sources: ReadonlyMap<string, string>;
  readonly written: ReadonlyMap<Error, readonly WrittenName[]>;
  readonly outputs: ReadonlyMap<string, string>;
  readonly next: ReadonlyMap<string, string>;
}

function vocabularyOf(entry: Entry, files: Sources): Vocabulary {
  const identifiers = new Identifiers();
  const named = (names: Iterable<string>, prefix = ""): ReadonlyMap<string, string> => {
    const given = new Map<string, string>();
    for (const name of names) {
      const plain = identifierOf(prefix + name);
      if (plain !== null) given.set(name, identifiers.fresh(plain));
    }
    return given;
  };
  const nodes = allNodes(entry);
  const own = entry.graph.nodes.filter(({ op }) => op === input || op === state);
  const sources = named(own.map(({ attrs }) => String(attrs.name)));
  const written = namesWritten(entry, files, identifiers);
  const taken = new Set(written.map(({ trace }) => trace));
  const outputs = named(entry.outputs.map(({ name }) => name));
  const next = named(
    entry.next.map(({ name }) => name),
    "next_",
  );
  const layers = layersOf(nodes, taken).flatMap(({ layer, node, trace }): readonly WrittenName[] => {
    const plain = identifierOf(layer);
    return plain === null ? [] : [{ name: identifiers.fresh(plain), trace, ...tellingOf(node) }];
  });
  const byTrace = new Map<Error, WrittenName[]>();
  for (const one of [...written, ...layers]) byTrace.set(one.trace, [...(byTrace.get(one.trace) ?? []), one]);
  return { sources, written: byTrace, outputs, next };
}

interface LayerResult {
  readonly layer: string;
  readonly node: Node;
  readonly trace: Error;
}

/** What each layer gives: the last of its nodes that is read outside of it. */
function layersOf(nodes: readonly Node[], taken: ReadonlySet<Error>): readonly LayerResult[] {
  const layerOf = (node: Node): string | undefined => {
    const [origin] = node.origins;
    return origin?.derived === true ? undefined : origin?.layer;
  };
  const read = new Set<Node>();
  for (const node of nodes) for (const arg of node.args) if (layerOf(arg) !== layerOf(node)) read.add(arg);
  const found = new Map<string, LayerResult>();
  for (const node of nodes) {
    const [layer, trace] = [layerOf(node), node.origins[0]?.trace];
    if (layer === undefined || trace === undefined || node.op.kind === "source") continue;
    if (read.has(node)) found.set(layer, { layer, node, trace });
  }
  return [...found.values()].filter(({ trace }) => !taken.has(trace));
}

/** Which node of a stage has which name. Of several that a call became, it is the last of the same type. */
function namesIn(entry: Entry, { sources, written, outputs, next }: Vocabulary): NodeNames {
  const holders = new Map<string, Node>();
  const named = new Map<Node, string>();
  const own = new Set(entry.graph.nodes);
  for (const node of allNodes(entry)) {
    if (node.op === input || node.op === state) {
      const name = own.has(node) ? sources.get(String(node.attrs.name)) : undefined;
      if (name !== undefined) named.set(node, name);
      continue;
    }
    const { result, dtype, rank } = tellingOf(node);
    for (const { trace, derived } of node.origins) {
      if (derived === true) continue;
      for (const one of written.get(trace) ?? []) {
        if (one.result === result && one.dtype === dtype && one.rank === rank) holders.set(one.name, node);
      }
    }
  }
  const give = (node: Node, name: string | undefined): void => {
    if (name !== undefined && !named.has(node)) named.set(node, name);
  };
  for (const [name, node] of holders) give(node, name);
  for (const { name, node } of entry.outputs) give(node, outputs.get(name));
  for (const { name, node } of entry.next) give(node, next.get(name));
  return named;
}
