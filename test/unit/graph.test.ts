/**
 * The graph language itself: interning, origins, literals, depth, the checker, the printer, and names that would
 * break out of a string, a comment or a prototype.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { simplify } from "../../passes/graph/simplify.ts";
import { afterPass } from "../../src/compile.ts";
import { UserError } from "../../src/core/errors.ts";
import { here, userLine } from "../../src/core/origin.ts";
import { zeros } from "../../src/dsl/initializers.ts";
import { add, exp, grad, matmul, randomUniform, scalar, sum } from "../../src/dsl/ops.ts";
import { program } from "../../src/dsl/program.ts";
import { f32, param, slot } from "../../src/dsl/spec.ts";
import type { Tensor } from "../../src/dsl/tensor.ts";
import { type AttrKind, type AttrSchema, type AttrValue, attrsKey } from "../../src/graph/attrs.ts";
import { builder } from "../../src/graph/build.ts";
import { checkGraph } from "../../src/graph/check.ts";
import type { Entry } from "../../src/graph/entry.ts";
import { printFormula } from "../../src/graph/formula.ts";
import { createGraph } from "../../src/graph/graph.ts";
import { ndarray } from "../../src/graph/ndarray.ts";
import type { Graph, Node } from "../../src/graph/node.ts";
import { printEntry } from "../../src/graph/print.ts";
import { type Shape, sameShape } from "../../src/graph/shape.ts";
import { caseProgram } from "../op-case.ts";
import { opCases } from "../op-cases.ts";
import { knownOps } from "../op-gaps.ts";
import { evaluateEntry, expand, inputNode, runPasses } from "./oracle.ts";

function entryNamed(entries: ReadonlyMap<string, Entry>, name = "step"): Entry {
  const entry = entries.get(name);
  if (entry === undefined) throw new Error(`no entry ${name}`);
  return entry;
}

function lineOf(place: string | null): number {
  return Number(/graph\.test\.ts:(\d+):/.exec(place ?? "")?.[1]);
}

describe("interning", () => {
  test("one node for what is written twice, and all its origins, each once", () => {
    const build = builder(createGraph());
    const x = inputNode(build, "x", "f32", [2]);
    expect(build.map("add", x, x)).toBe(build.map("add", x, x));
    const [first, second] = [here("first"), here("second")];
    const node = builder(build.graph, [first]).map("exp", x);
    expect(builder(build.graph, [second, first]).map("exp", x)).toBe(node);
    expect(builder(build.graph, [second]).map("exp", x)).toBe(node);
    expect(node.origins).toEqual([first, second]);
  });

  test("constants are the same when dtype and bits are", () => {
    const build = builder(createGraph());
    const same = (a: number, b: number): boolean => build.constant("f32", a) === build.constant("f32", b);
    expect(same(0, -0)).toBe(false);
    expect(same(Number.NaN, Number.NaN)).toBe(true);
    expect(same(0.1, Math.fround(0.1))).toBe(true);
    expect(same(1, 1 + 2 ** -23)).toBe(false);
    expect(build.constant("f32", 1)).not.toBe(build.constant("f64", 1));
    expect(build.constant("i32", 1)).not.toBe(build.constant("f32", 1));
    expect(build.constant("i32", -0)).toBe(build.constant("i32", 0));
  });

  test("ops that share a name are told apart", () => {
    const build = builder(createGraph());
    const x = inputNode(build, "x", "f32", [2]);
    const twin = { ...build.map("neg", x).op };
    expect(build.graph.node(twin, [x])).not.toBe(build.map("neg", x));
  });

  test("attributes are spelled canonically", () => {
    expect(attrsKey({ b: [1, -0, Number.NaN], a: "x" })).toBe(attrsKey({ a: "x", b: [1, -0, Number.NaN] }));
    const distinct = [{ a: 0 }, { a: -0 }, { a: "0" }, { a: [0] }, { a: undefined }, { a: "undefined" }, { a: false }];
    expect(new Set(distinct.map(attrsKey)).size).toBe(distinct.length);
    expect(attrsKey({ a: "1,b=2" })).not.toBe(attrsKey({ a: 1, b: 2 }));
  });
});

describe("origins and literals", () => {
  test("a node points at the user's line", () => {
    let beside = here("nothing yet");
    const made = program({
      inputs: { x: f32(3) },
      step: ({ x }) => {
        beside = here("test");
        return { outputs: { y: exp(x) } };
      },
    });
    const [output] = entryNamed(made.entries).outputs;
    const line = lineOf(userLine(output?.node.origins[0] ?? here("none")));
    expect(line).toBe(lineOf(userLine(beside)) + 1);
    expect(readFileSync(fileURLToPath(import.meta.url), "utf8").split("\n")[line - 1]).toContain("y: exp(x)");
    expect(output?.node.origins[0]?.call).toBe("exp");
  });

  test("a literal is one node however often it is used; random literals have streams of their own", () => {
    const noise = randomUniform([4]);
    const other = randomUniform([4]);
    const made = program({
      inputs: { x: f32(4) },
      step: ({ x }) => ({
        outputs: { a: add(add(x, noise), noise), b: add(x, other), c: add(x, add(noise, scalar(1))) },
      }),
    });
    const { graph, next } = entryNamed(made.entries);
    const randoms = graph.nodes.filter((node) => node.op.name === "random");
    expect(randoms.map((node) => node.attrs.stream)).toEqual([0, 1]);
    expect(next.map(({ name }) => name)).toEqual(["$random"]);
    expect(made.states.map(({ path }) => path)).toEqual(["$random"]);
    const values = evaluateEntry(entryNamed(made.entries), {
      x: ndarray("f32", [4], [0, 0, 0, 0]),
      $random: ndarray("u32", [2], [5, 7]),
    });
    expect([...(values.get("$random")?.data ?? [])]).toEqual([5, 8]);
    const [a, b] = [values.get("a")?.data ?? [], values.get("b")?.data ?? []];
    expect(new Set([...a].map((v) => v / 2).concat([...b])).size).toBe(8);
    expect([...b].every((v) => v >= 0 && v < 1)).toBe(true);
  });

  test("a deep literal is adopted without recursion", () => {
    let deep: Tensor = scalar(0);
    for (let i = 0; i < 20_000; i++) deep = add(deep, deep) as Tensor;
    const made = program({ inputs: { x: f32() }, step: ({ x }) => ({ outputs: { y: add(x, deep) } }) });
    expect(entryNamed(made.entries).graph.nodes.length).toBe(20_003);
  });

  test("a tensor of another entry is refused with the user's line", () => {
    let stolen: Tensor | undefined;
    const steal = (): unknown =>
      program({
        inputs: { x: f32(2) },
        entries: {
          one({ x }) {
            stolen = x;
            return { outputs: { x } };
          },
          two: ({ x }) => ({ outputs: { y: add(x, (stolen ?? x) as Tensor<[2]>) } }),
        },
      });
    expect(steal).toThrow(UserError);
    expect(steal).toThrow(/add: an operand \(input f32\[2\]\) belongs to another entry.*\n +at .*graph\.test\.ts:\d+/s);
  });
});

describe("depth", () => {
  test("2,000 layers are built, differentiated, simplified, printed and evaluated", () => {
    const made = program({
      inputs: { x: f32(1, 2) },
      state: { w: param(zeros(2, 2)) },
      step({ x }, { w }) {
        let h: Tensor = x;
        for (let i = 0; i < 2_000; i++) h = add(matmul(h, w as Tensor), 0.25) as Tensor;
        const loss = sum(h) as Tensor<[]>;
        return { outputs: { loss, g: grad(loss, w) } };
      },
    });
    const entry = runPasses(entryNamed(made.entries), [...expand, simplify]);
    const values = evaluateEntry(entry, {
      x: ndarray("f32", [1, 2], [1, 2]),
      w: ndarray("f32", [2, 2], [0.5, 0, 0, 0.5]),
    });
    expect(values.get("loss")?.data[0]).toBeCloseTo(1, 10); // h = h / 2 + 1/4 tends to 1/2
    expect(values.get("g")?.data[0]).toBeCloseTo(1, 10); // sum of h^T (dh), a geometric series
    expect(printEntry(entry).split("\n").length).toBeGreaterThan(4_000);
    expect(printFormula(entry.outputs[0]?.node as Node).length).toBeGreaterThan(1_000);
  });
});

describe("the checker", () => {
  /** A graph of x and exp(x), in which exp(x) was tampered with. */
  function tampered(change: (x: Node, y: Node) => Partial<Node>): string | null {
    const nodes: Node[] = [];
    const graph: Graph = { ...createGraph(), nodes };
    const build = builder(createGraph());
    const x: Node = { ...inputNode(build, "x", "f32", [2]), graph };
    const y: Node = { ...build.map("exp", inputNode(build, "x", "f32", [2])), graph, args: [x] };
    const made: Node = { ...y, ...change(x, y) };
    nodes.push(Object.assign(x, { results: [x] }), Object.assign(made, { results: [made] }));
    return checkGraph(graph);
  }

  test("names the first broken invariant", () => {
    expect(tampered(() => ({}))).toBeNull();
    expect(tampered(() => ({ graph: createGraph() }))).toBe("a node belongs to the graph that lists it: %1 exp");
    expect(tampered((_, y) => ({ args: [y] }))).toBe("operands come before their users: %1 exp");
    expect(tampered((x) => ({ args: [{ ...x }] }))).toBe("operands are nodes of the same graph: %1 exp");
    expect(tampered(() => ({ id: 2 }))).toBe("ids count the nodes: %2 exp");
  });

  test("sees a wrong type, also where the rule refuses the operands", () => {
    const sentence = "the type is what the op's rule gives: %1 exp";
    expect(tampered(() => ({ type: { dtype: "f32", shape: [3] } }))).toBe(sentence);
    expect(tampered((x) => ({ args: [x, x] }))).toBe(sentence);
  });
});

describe("strange names", () => {
  const strange = [
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "return",
    "class",
    "var",
    "await",
    "",
    " ",
    "a b",
    "a.b",
    "a\\.b",
    "'",
    '"',
    "`",
    "\n",
    "\r",
    "\u2028",
    "\0",
    "*/",
    "</script>",
    "<!--",
    "\u0024{x}",
    "%0",
    "a\nnext b = %0",
    "été",
    "🧵",
    "$",
    "0",
  ];

  test("state names of any kind keep their values apart", () => {
    const state = Object.fromEntries([...strange, "a"].map((name) => [name, slot(zeros())]));
    const made = program({
      state: { [strange[0] as string]: slot(zeros()), tree: state, more: { a: { b: slot(zeros()) } } },
      step: (_, all) => ({ next: all, outputs: all }),
    });
    expect(made.states.length).toBe(strange.length + 3);
    expect(new Set(made.states.map(({ path }) => path)).size).toBe(made.states.length);
    const entry = runPasses(entryNamed(made.entries), expand);
    const values = evaluateEntry(
      entry,
      Object.fromEntries(made.states.map(({ path }, i) => [path, ndarray("f32", [], [i])])),
    );
    expect(made.states.map(({ path }) => values.get(path)?.data[0])).toEqual(made.states.map((_, i) => i));
    // one line a node and result, whatever is in the names
    expect(printEntry(entry).split("\n").length).toBe(1 + 3 * made.states.length);
  });

  test("the empty name and nested names do not meet", () => {
    const made = program({
      state: { "": { a: slot(zeros()) }, a: slot(zeros()), "\\e": { a: slot(zeros()) } },
      step: (_, all) => ({ next: all }),
    });
    expect(new Set(made.states.map(({ path }) => path)).size).toBe(3);
  });

  test("an input and a state of one name, and the name of the hidden state, are refused", () => {
    const both = (): unknown => program({ inputs: { x: f32() }, state: { x: slot(zeros()) }, step: () => ({}) });
    expect(both).toThrow(/"x" is an input and a state: rename one\n +at .*graph\.test\.ts/);
    expect(() => program({ state: { $random: slot(zeros(2)) }, step: () => ({}) })).toThrow(/must not be called/);
  });

  test("what is no tree is refused with its place", () => {
    const odd = { a: [new Date()] };
    expect(() => program({ inputs: odd, step: () => ({}) })).toThrow('inputs: "a.0" holds a Date');
    expect(() => program({ step: () => ({ outputs: { a: 1 } }) })).toThrow('outputs: "a" holds 1');
    const nothing = (() => undefined) as unknown as () => Record<never, never>;
    expect(() => program({ step: nothing })).toThrow(/must return \{ outputs, next \}, not undefined/);
    expect(() => program({ entries: {} })).toThrow(/needs an entry/);
  });
});

// ---- attributes ------------------------------------------------------------------------------------------------------

const isAxis = (value: unknown, node: Node | undefined): boolean =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) < (node?.type.shape.length ?? 0);

/** Whether an attribute is what its kind says of it; of other kinds nothing more is known than their type. */
function fits(kind: AttrKind | undefined, value: AttrValue | undefined, node: Node): boolean {
  const [first, second] = node.args;
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  const rank = first?.type.shape.length;
  switch (kind) {
    case "axis":
      return isAxis(value, first);
    case "axes":
      return list.every((axis) => isAxis(axis, first));
    case "rightAxes":
      return list.every((axis) => isAxis(axis, second));
    case "resultAxes":
      return list.every((axis) => isAxis(axis, node));
    case "shape":
      return sameShape(value as Shape, node.type.shape);
    case "dims":
    case "counts":
      return list.length === rank;
    case "dtype":
      return value === node.type.dtype;
    default:
      return kind !== undefined;
  }
}

test("attributes are what the schemas say, in every case of every op, before gradients and after", () => {
  const seen = new Map<string, Set<AttrKind>>();
  for (let first = 0; first < opCases.length; first += 24) {
    const written = entryNamed(caseProgram(opCases.slice(first, first + 24)).entries);
    for (const { nodes } of [written.graph, afterPass(written, "differentiate").graph]) {
      for (const node of nodes) {
        const { attrs, op } = node;
        const schema: AttrSchema = op.schema;
        const wrong = Object.entries(attrs).filter(([name, value]) => !fits(schema[name], value, node));
        expect(wrong, `%${node.id} ${op.name}`).toEqual([]);
        const kinds = seen.get(op.name) ?? new Set();
        for (const name in attrs) if (schema[name] !== undefined) kinds.add(schema[name]);
        seen.set(op.name, kinds);
      }
    }
  }
  // each attribute of each op has been looked at
  for (const { name, schema } of knownOps()) {
    const kinds = Object.values<AttrKind>(schema).filter((kind) => kind !== "optionalNumber");
    expect(
      kinds.filter((kind) => seen.get(name)?.has(kind) !== true),
      name,
    ).toEqual([]);
  }
});
