/**
 * An exporter of graphs: an entry in the words of StableHLO, operands and types as its pretty form has them, attributes as
 * a dictionary. It is here to show the hook: where StableHLO means something else (x / 0 of integers, `mod`, gathers out of
 * range, the random stream) or has no such op, the word is a custom call.
 */
import type { Spelling, Spellings } from "../../codegen/graph-exporter.ts";
import type { Node } from "../../src/graph/node.ts";
import type { GraphExporter } from "../../src/tools/export-graph.ts";

const elements = {
  f16: "f16",
  bf16: "bf16",
  f32: "f32",
  f64: "f64",
  i32: "i32",
  u32: "ui32",
  u8: "ui8",
  bool: "i1",
} as const;

function typeText(node: Node): string {
  const { dtype, shape } = node.type;
  return `tensor<${[...shape, elements[dtype]].join("x")}>`;
}

const value = ({ id }: Node): string => `%${id}`;

function attrsText({ attrs }: Node): string {
  const words = Object.entries(attrs).map(([key, attr]) => `${key} = ${JSON.stringify(attr)}`);
  return words.length === 0 ? "" : ` {${words.join(", ")}}`;
}

function line(node: Node, word: string): string {
  const { args, results } = node;
  const types = [args, results].map((nodes) => `(${nodes.map(typeText).join(", ")})`);
  return `${results.map(value).join(", ")} = ${word}${args.map((arg) => ` ${value(arg)}`).join(",")}${attrsText(node)} : ${types.join(" -> ")}`;
}

const op =
  (name: string): Spelling<string> =>
  (node) =>
    line(node, `stablehlo.${name}`);
const compare =
  (direction: string): Spelling<string> =>
  (node) =>
    line(node, `stablehlo.compare ${direction},`);
const custom: Spelling<string> = (node) => line(node, `stablehlo.custom_call @${node.op.name}`);
const either =
  (map: string, reduce: string): Spelling<string> =>
  (node) =>
    line(node, `stablehlo.${node.op.kind === "reduce" ? reduce : map}`);
const isInteger = (node: Node): boolean => !node.type.dtype.startsWith("f");

const spellings: Spellings<string> = {
  input: (node) => line(node, "parameter"),
  state: (node) => line(node, "parameter"),
  constant: op("constant"),
  iota: op("iota"),
  size: op("get_dimension_size"),
  random: custom,
  add: op("add"),
  sub: op("subtract"),
  mul: op("multiply"),
  div: (node) => (isInteger(node) ? custom(node) : op("divide")(node)),
  pow: op("power"),
  max: either("maximum", "reduce maximum"),
  min: either("minimum", "reduce minimum"),
  mod: custom,
  neg: op("negate"),
  abs: op("abs"),
  sign: op("sign"),
  exp: op("exponential"),
  log: op("log"),
  log1p: op("log_plus_one"),
  expm1: op("exponential_minus_one"),
  sqrt: op("sqrt"),
  rsqrt: op("rsqrt"),
  sin: op("sine"),
  cos: op("cosine"),
  tanh: op("tanh"),
  erf: custom,
  floor: op("floor"),
  ceil: op("ceil"),
  round: op("round_nearest_even"),
  eq: compare("EQ"),
  ne: compare("NE"),
  lt: compare("LT"),
  le: compare("LE"),
  gt: compare("GT"),
  ge: compare("GE"),
  and: op("and"),
  or: op("or"),
  not: op("not"),
  select: op("select"),
  stopGradient: op("optimization_barrier"),
  cast: op("convert"),
  reshape: op("reshape"),
  permute: op("transpose"),
  broadcast: op("broadcast_in_dim"),
  flip: op("reverse"),
  slice: op("slice"),
  pad: op("pad"),
  concat: op("concatenate"),
  window: custom,
  barrier: op("optimization_barrier"),
  oneHot: custom,
  gather: custom,
  dynamicSlice: custom,
  dynamicUpdate: custom,
  sum: op("reduce add"),
  prod: op("reduce multiply"),
  maxWithIndex: custom,
  minWithIndex: custom,
  moments: custom,
  sort: custom,
  takeAlong: custom,
  putAlong: custom,
  windowSum: custom,
  scan: custom,
  whileLoop: custom,
  cond: custom,
  running: custom,
  scatterAdd: custom,
  contract: op("dot_general"),
};

export const stablehlo: GraphExporter<string, string> = {
  spellings,
  frame({ name, outputs, next }, ops) {
    const results = [...outputs, ...next].map((result) => `${value(result.node)} /* ${result.name} */`);
    return [`func @${name} {`, ...ops.map((each) => `  ${each}`), `  return ${results.join(", ")}`, "}"].join("\n");
  },
};
