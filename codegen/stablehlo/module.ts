/**
 * An entry as a StableHLO module: one function, whose arguments are the inputs and states that it reads or changes, and whose
 * results are its outputs and the new values of states. A state that changes is donated: its argument's memory takes the result.
 */
import type { Entry } from "../../src/graph/entry.ts";
import type { Node } from "../../src/graph/node.ts";
import { input } from "../../src/graph/ops/source.ts";
import { sourcesOf, typeOf, wordsOf, writeEntry } from "../graph-exporter.ts";
import { type Fresh, Hlo, type HloType, typeText, type Value } from "./builder.ts";
import { words } from "./words.ts";

/** An argument or a result of the function, in order. */
export interface Place extends HloType {
  readonly kind: "input" | "state" | "output";
  /** The path in the user's tree. */
  readonly name: string;
}

export interface Argument extends Place {
  /** The number of the result that takes its memory. */
  readonly donatedTo?: number;
}

export interface HloModule {
  readonly text: string;
  readonly arguments: readonly Argument[];
  readonly results: readonly Place[];
}

/** How a value is divided among devices, as an attribute of its argument or result. */
export interface Sharding {
  /** Lines in front of the function. */
  readonly head: readonly string[];
  /** The number of devices. */
  readonly devices: number;
  of(place: Place): string;
}

export function hloModule(entry: Entry, sharding?: Sharding): HloModule {
  const results = [
    ...entry.outputs.map(({ name, node }): Place => ({ kind: "output", name, ...typeOf(node) })),
    ...entry.next.map(({ name, node }): Place => ({ kind: "state", name, ...typeOf(node) })),
  ];
  const sources = sourcesOf(entry);
  const args = sources.map((node): Argument => argumentOf(node, results));
  const fresh = freshNames();
  const hlo = new Hlo(fresh, "    ");
  const named = argumentNames(args.map(({ name }) => name));
  const given = args.map(({ dtype, shape }, i): Value => ({ name: named[i] ?? "", dtype, shape }));
  const values = new Map(sources.map((node, i): [Node, Value] => [node, given[i] ?? hlo.constant("f32", 0)]));
  const { outputs, next } = writeEntry(entry, hlo, values, wordsOf(words));
  hlo.end("return", [...outputs, ...next]);
  const parameters = args.map(
    (argument, i) => `      ${given[i]?.name}: ${typeText(argument)}${attributes(argument, sharding)}`,
  );
  const types = results.map((place) => `      ${typeText(place)}${attributes(place, sharding)}`);
  const text = [
    `module @${identifier(entry.name)} attributes {mhlo.num_partitions = ${sharding?.devices ?? 1} : i32, mhlo.num_replicas = 1 : i32} {`,
    ...(sharding?.head ?? []).map((line) => `  ${line}`),
    "  func.func public @main(",
    parameters.join(",\n"),
    "  ) -> (",
    types.join(",\n"),
    "  ) {",
    hlo.text,
    "  }",
    "}",
  ].join("\n");
  return { text: `${text}\n`, arguments: args, results };
}

function argumentOf(node: Node, results: readonly Place[]): Argument {
  const name = String(node.attrs.name);
  if (node.op === input) return { kind: "input", name, ...typeOf(node) };
  const result = results.findIndex((place) => place.kind === "state" && place.name === name);
  return { kind: "state", name, ...typeOf(node), ...(result < 0 ? {} : { donatedTo: result }) };
}

function attributes(place: Argument, sharding: Sharding | undefined): string {
  const given = [
    ...(place.donatedTo === undefined ? [] : [`tf.aliasing_output = ${place.donatedTo} : i32`]),
    ...(sharding === undefined ? [] : [sharding.of(place)]),
  ];
  return given.length === 0 ? "" : ` {${given.join(", ")}}`;
}

/** The paths as names of values, with other characters than MLIR takes there replaced. */
function argumentNames(paths: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return paths.map((path) => {
    const plain = path.replace(/[^\w$.-]/g, "_");
    const start = /^[A-Za-z_$]/.test(plain) ? plain : `in_${plain}`;
    let name = start;
    for (let i = 2; taken.has(name); i++) name = `${start}_${i}`;
    taken.add(name);
    return `%${name}`;
  });
}

/** Names of functions and modules hold letters, digits and underscores. */
function identifier(name: string): string {
  return `e_${name.replace(/\W/g, "_")}`;
}

function freshNames(): Fresh {
  let count = 0;
  return { next: () => `%${count++}` };
}
