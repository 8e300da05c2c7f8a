/**
 * Imports point one way, and there are no cycles.
 *
 * Every .ts file of src, passes, codegen, examples and web is scanned for what it imports (type-only imports count: they tie
 * files together just as much for a reader), and `rules` says for each folder what that may be, or may be for its types alone. The languages
 * (src/graph, src/kernel) know nothing of what is done with them; only src/stages.ts and the CLI know the passes and
 * the code generators; nothing that src/index.ts reaches needs Node. The scanner and each rule are tested on small
 * inline programs too, so that a rule that never says no is noticed.
 */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

/** File path from the repository's root -> its source text. */
type Sources = ReadonlyMap<string, string>;
/** File path -> what it imports. */
type Imports = ReadonlyMap<string, Imported>;

interface Imported {
  /** As paths from the repository's root, whether or not there is such a file. */
  readonly files: readonly string[];
  /** Those of them from which more than types are imported. */
  readonly values: ReadonlySet<string>;
  /** As they are written. */
  readonly packages: readonly string[];
}

interface Rule {
  /** A folder ("src/graph/") or one file ("src/compile.ts"); * is any one name. The first rule that fits a file is its rule. */
  readonly of: string;
  /** What may be imported, the same way; a prefix with ! is taken out again; types alone where "type" stands before. Packages are not restricted here. */
  readonly may: readonly string[];
}

const runtime = ["src/runtime/", "src/program/", "src/graph/", "src/kernel/", "src/dsl/", "src/core/"] as const;
const printers = ["codegen/", "src/graph/", "src/kernel/", "src/program/", "src/core/"] as const;
const moves = ["codegen/*/moves/", "passes/schedule/", "passes/kernel/", "src/kernel/", "src/core/"] as const;
const policies = ["codegen/*/policy/", ...moves] as const;
const kernelPasses = ["passes/kernel/", "src/kernel/", "src/core/", "!src/core/random.ts"] as const;
const languages = ["src/graph/", "src/kernel/", "src/program/", "src/core/", "!src/core/random.ts"] as const;
const insideSrc = ["src/", "!src/tools/", "!src/index.ts", "!src/node.ts"] as const;

const rules: readonly Rule[] = [
  { of: "src/core/", may: ["src/core/"] },
  { of: "src/graph/", may: ["src/graph/", "type src/kernel/", "src/core/"] },
  { of: "src/kernel/", may: ["src/kernel/", "src/core/", "!src/core/random.ts"] },
  { of: "src/program/", may: ["src/program/", "src/graph/", "src/kernel/", "src/core/"] },
  { of: "src/dsl/", may: ["src/dsl/", "src/graph/", "src/core/"] },
  { of: "src/data/sources/", may: ["src/data/", "src/io/", "src/core/"] },
  { of: "src/data/", may: ["src/data/", "src/core/"] },
  {
    of: "src/runtime/*/",
    may: [
      ...runtime,
      "codegen/*/artifact.ts",
      "codegen/*/abi.ts",
      "codegen/*/probe.ts",
      "codegen/*/joining-probe.ts",
      "codegen/*/ceiling-probe.ts",
    ],
  },
  { of: "src/runtime/", may: runtime },
  { of: "src/tools/cli/standalone/glue/", may: ["src/tools/cli/standalone/glue/"] },
  { of: "src/tools/cli/", may: ["src/", "passes/", "codegen/"] },
  {
    of: "src/tools/explorer/",
    may: ["src/", "!src/tools/cli/", "!src/index.ts", "!src/node.ts", "passes/", "codegen/"],
  },
  { of: "src/tools/", may: ["src/", "!src/tools/cli/", "!src/index.ts", "!src/node.ts", "codegen/"] },
  { of: "src/stages.ts", may: [...insideSrc, "!src/compile.ts", "passes/", "codegen/target.ts"] },
  { of: "src/compile.ts", may: [...insideSrc, "passes/plan/", "codegen/target.ts"] },
  {
    of: "src/tuning/",
    may: [...insideSrc, "!src/compile.ts", "passes/plan/", "passes/schedule/", "passes/kernel/", "codegen/target.ts"],
  },
  { of: "src/targets.ts", may: [...insideSrc, "codegen/target.ts", "codegen/*/target.ts"] },
  { of: "src/eager-targets.ts", may: [...insideSrc, "codegen/target.ts", "codegen/*/target.ts"] },
  { of: "src/target-setup.ts", may: [...insideSrc, "codegen/target.ts"] },
  { of: "src/index.ts", may: ["src/", "!src/tools/cli/", "!src/node.ts"] },
  { of: "src/types.ts", may: ["src/", "!src/tools/cli/", "!src/index.ts", "!src/node.ts"] },
  { of: "src/node.ts", may: ["src/", "!src/tools/cli/"] },
  { of: "src/", may: insideSrc },
  { of: "passes/graph/", may: ["passes/graph/", ...languages] },
  { of: "passes/fuse/", may: ["passes/fuse/", ...languages] },
  { of: "passes/plan/", may: ["passes/plan/", "passes/fuse/", ...languages] },
  { of: "passes/lower/", may: ["passes/lower/", "passes/fuse/", "passes/plan/", ...languages] },
  { of: "passes/schedule/", may: ["passes/schedule/", "src/program/", ...kernelPasses] },
  { of: "passes/kernel/", may: kernelPasses },
  { of: "passes/", may: ["passes/", ...languages] },
  { of: "codegen/target.ts", may: [...printers, "type passes/schedule/schedule.ts"] },
  { of: "codegen/*/target.ts", may: printers },
  { of: "codegen/*/policy.ts", may: policies },
  { of: "codegen/*/policy/", may: policies },
  { of: "codegen/*/moves/", may: moves },
  { of: "codegen/", may: [...printers, "!codegen/*/policy.ts", "!codegen/*/policy/", "!codegen/*/moves/"] },
  { of: "web/training/", may: ["web/training/", "web/shared/", "src/index.ts"] },
  { of: "web/explorer/", may: ["web/explorer/", "type src/tools/explorer/", "codegen/picture/units.ts"] },
  { of: "web/", may: ["web/", "src/index.ts", "src/node.ts"] },
];

/** How a package's own name resolves, inside it and in the examples. */
const ownNames: ReadonlyMap<string, string> = new Map([
  ["tensorloom", "src/index.ts"],
  ["tensorloom/node", "src/node.ts"],
]);
const ownFiles = new Set(ownNames.values());

describe("the project", () => {
  test("imports point one way", () => {
    const sources = projectSources();
    expect(sources.has("src/core/errors.ts")).toBe(true);
    expect(violations(sources)).toEqual([]);
  });

  test("every file has under 400 lines", () => {
    const long = [...projectSources()].filter(([, source]) => source.split("\n").length - 1 >= 400);
    expect(long.map(([path]) => path)).toEqual([]);
  });

  test("no module has a variable of its own, but where a process has one of a thing", () => {
    const found = [...projectSources()].flatMap(([path, source]) =>
      [...source.matchAll(/^(?:export )?(?:let|var) (\w+)/gm)].map(([, name]) => `${path}: ${name}`),
    );
    expect(found.toSorted()).toEqual([
      "src/graph/draws.ts: moments", // the order of calls that have no argument in common
      "src/node.ts: dawn", // a driver
      "src/runtime/wasm/found.ts: checks", // of what an engine can do
      "src/runtime/wasm/worker.ts: thread", // in the text of a worker
      "src/tools/cli/import-script.ts: understands", // a hook in Node's loader
      "src/tools/cli/main.ts: isLookedAt", // the command line
      "src/tools/cli/render.ts: wasmReady", // a module that is loaded once
    ]);
  });

  test("there are no import cycles", () => {
    expect(cycles(imports(projectSources()))).toEqual([]);
  });

  test.each(["src/index.ts", "web/training/page.ts", "web/training/worker.ts"])(
    "nothing that %s reaches imports a module of Node",
    (entry) => {
      const sources = projectSources();
      expect([...sources.keys()]).toContain(entry);
      expect(nodeModulesReached(imports(sources), entry)).toEqual([]);
    },
  );
});

describe("the scanner", () => {
  const scanned = (source: string): readonly string[] => specifiers(source).map(({ specifier }) => specifier);

  test("finds every form of import and re-export", () => {
    expect(
      scanned(`
        import "a";
        import b from "b";
        import { c as d, type e } from "c";
        import * as f from 'd';
        import type { g } from "e";
        import h, { i } from "f" with { type: "json" };
        export * from "g";
        export * as j from "h";
        export { k, type l } from "i";
        export type { m } from "j";
        export type * from "k";
        import {
          from, // a name like any other
        } from "l";
        const n = await import("m");
        type O = import("n").P;
        const q = import(/* why */ \`o\`);
        import r = require("p");
        const s = require("q");
        import { from as from } from "r"
        import type from "s"
        import{t}from"t";
      `),
    ).toEqual([..."abcdefghijklmnopqrst"]);
  });

  test("tells what is imported for its types alone", () => {
    const found = specifiers(`
      import type { a } from "type";
      import type { a, b } from "type";
      import type * as c from "type";
      import type d from "type";
      import type from2 from "type";
      import { type e, type f as g } from "type";
      export type { h } from "type";
      export type * from "type";
      export { type i, } from "type";
      import { type j, k } from "value";
      import { type } from "value";
      import { type, type l } from "value";
      import { m as type, type as n } from "value";
      import type from "value";
      import type, { type o } from "value";
      import p, { type q } from "value";
      import * as type from "value";
      import {} from "value";
      import "value";
      export * from "value";
      export { r } from "value";
      await import("value");
    `);
    for (const [i, { specifier, isType }] of found.entries()) {
      expect(isType ? "type" : "value", `import ${i}`).toBe(specifier);
    }
    expect(found).toHaveLength(22);
  });

  test("is not misled by comments, strings, templates, regular expressions and properties", () => {
    expect(
      scanned(`
        // import "a";
        /* import "b"; export * from "c" */
        const text = 'import "d"' + "\\" import 'e'";
        const template = \`import "f" \${\`\${"}"} import("g")\` + await import("yes")} import "h"\`;
        const pattern = /import "i"; ['"\`/]/g.test(text) ? 4 / 2 : (4) / 2 / text["length"] / 3;
        const url = import.meta.url;
        loader.import("j"); loader?.import("k"); const o = { import: "l", from: "m", export: "n" };
        await import(somewhere); await import("o" + text); await import(\`p\${text}\`);
        export const from = "q"; export { text }; export default "r";
        let i = 1; i++ / 2; const half = i-- / 2; const quote = "'"; const third = range.of / 3;
      `),
    ).toEqual(["yes"]);
  });

  test("says so when it loses its way, in place of missing an import", () => {
    expect(() => scanned("const a = 'open\nimport 'b'")).toThrow("line 1");
    expect(() => scanned("\nconst a = `open")).toThrow("line 2");
    expect(() => scanned("/* open")).toThrow("line 1");
    expect(() => scanned("const a = /open\n/")).toThrow("line 1");
  });
});

describe("the rules", () => {
  test.each([
    ["src/graph/a.ts", "../dsl/b.ts"],
    ["src/program/a.ts", "../runtime/b.ts"],
    ["src/kernel/a.ts", "../graph/node.ts"],
    ["src/kernel/a.ts", "../core/random.ts"],
    ["src/kernel/a.ts", "../../passes/b.ts"],
    ["src/kernel/a.ts", "../program/b.ts"],
    ["src/dsl/a.ts", "../../passes/b.ts"],
    ["src/dsl/a.ts", "../kernel/b.ts"],
    ["src/data/a.ts", "../graph/b.ts"],
    ["src/nn/a.ts", "../tools/cli/b.ts"],
    ["src/nn/a.ts", "../node.ts"],
    ["src/nn/a.ts", "../index.ts"],
    ["src/nn/a.ts", "tensorloom"],
    ["src/nn/a.ts", "../../codegen/b.ts"],
    ["src/runtime/a.ts", "../../codegen/b.ts"],
    ["src/runtime/js/a.ts", "../../../codegen/js/print.ts"],
    ["src/runtime/a.ts", "../../codegen/js/artifact.ts"],
    ["src/targets.ts", "../codegen/js/print.ts"],
    ["codegen/js/a.ts", "../../passes/schedule/facts.ts"],
    ["codegen/js/a.ts", "./policy.ts"],
    ["codegen/js/policy.ts", "./print.ts"],
    ["codegen/js/policy.ts", "../../passes/fuse/fuse.ts"],
    ["codegen/wasm/policy/a.ts", "../step.ts"],
    ["codegen/js/target.ts", "../../passes/fuse/fuse.ts"],
    ["codegen/js/target.ts", "../../passes/schedule/schedule.ts"],
    ["codegen/target.ts", "../passes/schedule/facts.ts"],
    ["codegen/wgsl/moves/a.ts", "../policy/b.ts"],
    ["codegen/wgsl/a.ts", "./moves/b.ts"],
    ["passes/schedule/a.ts", "../../codegen/js/policy.ts"],
    ["src/runtime/a.ts", "../compile.ts"],
    ["src/io/a.ts", "../../passes/b.ts"],
    ["src/index.ts", "../passes/b.ts"],
    ["src/index.ts", "./node.ts"],
    ["src/compile.ts", "./index.ts"],
    ["src/compile.ts", "../passes/b.ts"],
    ["src/core/errors.ts", "../tools/cli/b.ts"],
    ["src/node.ts", "./tools/cli/b.ts"],
    ["passes/a.ts", "../codegen/b.ts"],
    ["passes/a.ts", "../src/compile.ts"],
    ["passes/a.ts", "../src/core/random.ts"],
    ["passes/kernel/a.ts", "../schedule/facts.ts"],
    ["passes/kernel/a.ts", "../../src/program/b.ts"],
    ["passes/lower/a.ts", "../schedule/b.ts"],
    ["passes/schedule/a.ts", "../lower/b.ts"],
    ["passes/schedule/a.ts", "../../src/graph/b.ts"],
    ["passes/fuse/a.ts", "../plan/b.ts"],
    ["codegen/a.ts", "../passes/b.ts"],
    ["codegen/js/a.ts", "../../src/runtime/b.ts"],
    ["codegen/a.ts", "../test/b.ts"],
    ["examples/a.ts", "../src/graph/b.ts"],
    ["examples/a.ts", "./b.ts"],
    ["web/training/a.ts", "../../src/nn/b.ts"],
    ["web/training/a.ts", "tensorloom/node"],
    ["src/nn/a.ts", "../../web/b.ts"],
    ["src/graph/a.ts", "../../vitest.config.ts"],
    ["examples/a.ts", "commander"],
  ])("%s may not import %s", (from, specifier) => {
    const program = withTarget(from, `import type { B } from "${specifier}";`);
    expect(violations(program)).toEqual([expect.stringContaining(`${from} imports `)]);
  });

  test.each([
    ["src/graph/ops/a.ts", "../node.ts"],
    ["src/graph/a.ts", "../core/random.ts"],
    ["src/kernel/a.ts", "../core/dtype.ts"],
    ["src/dsl/a.ts", "../graph/b.ts"],
    ["src/runtime/a.ts", "../program/report.ts"],
    ["src/nn/a.ts", "../compile.ts"],
    ["src/nn/a.ts", "../runtime/b.ts"],
    ["src/compile.ts", "../passes/plan/b.ts"],
    ["src/stages.ts", "../passes/b.ts"],
    ["src/tools/cli/a.ts", "../../../codegen/b.ts"],
    ["src/tools/cli/a.ts", "../../node.ts"],
    ["src/node.ts", "./index.ts"],
    ["src/index.ts", "./compile.ts"],
    ["passes/a.ts", "../src/kernel/b.ts"],
    ["passes/schedule/moves/a.ts", "../../kernel/b.ts"],
    ["passes/lower/a.ts", "../plan/b.ts"],
    ["codegen/js/a.ts", "../writer.ts"],
    ["codegen/js/target.ts", "./policy.ts"],
    ["codegen/wgsl/target.ts", "./moves/b.ts"],
    ["codegen/js/policy.ts", "../../passes/schedule/facts.ts"],
    ["codegen/wasm/policy/a.ts", "./b.ts"],
    ["codegen/wasm/policy/a.ts", "../../../passes/schedule/moves/b.ts"],
    ["codegen/wgsl/policy/a.ts", "../moves/b.ts"],
    ["codegen/wgsl/moves/a.ts", "../../../passes/schedule/moves/b.ts"],
    ["src/runtime/js/a.ts", "../../../codegen/js/artifact.ts"],
    ["src/targets.ts", "../codegen/js/target.ts"],
    ["web/training/a.ts", "tensorloom"],
    ["web/a.ts", "./training/b.ts"],
    ["examples/a.ts", "tensorloom"],
    ["examples/a.ts", "tensorloom/node"],
    ["examples/a.ts", "node:fs"],
  ])("%s may import %s", (from, specifier) => {
    const program = withTarget(from, `export { b } from "${specifier}";`);
    expect(violations(program)).toEqual([]);
  });

  test("a file may be open to another for its types alone", () => {
    const found = (text: string): readonly string[] => violations(withTarget("src/graph/ops/a.ts", text));
    const refused = [expect.stringContaining("src/graph/ops/a.ts imports src/kernel/b.ts")];
    expect(found('import type { B } from "../../kernel/b.ts";')).toEqual([]);
    expect(found('import { type B, type C } from "../../kernel/b.ts";')).toEqual([]);
    expect(found('import { b } from "../../kernel/b.ts";')).toEqual(refused);
    expect(found('import { type B, c } from "../../kernel/b.ts";')).toEqual(refused);
    expect(found('import type { B } from "../../kernel/b.ts"; export * from "../../kernel/b.ts";')).toEqual(refused);
    expect(found('import { b } from "../node.ts";')).toEqual([]);
  });

  test("an import of a file that is not there is a violation", () => {
    expect(violations(new Map([["src/nn/a.ts", 'import "./gone.ts";']]))).toEqual([
      "src/nn/a.ts imports src/nn/gone.ts, which does not exist",
    ]);
  });

  test("a cycle is found wherever it is, and printed as a path", () => {
    const program = new Map([
      ["src/nn/start.ts", 'import "./a.ts"; import "./apart.ts";'],
      ["src/nn/a.ts", 'import "./b.ts"; import "./apart.ts";'],
      ["src/nn/b.ts", 'import type { C } from "./c.ts"; import "./apart.ts";'],
      ["src/nn/c.ts", 'await import("./a.ts");'],
      ["src/nn/apart.ts", ""],
      ["src/nn/self.ts", 'import "./self.ts";'],
    ]);
    expect(cycles(imports(program))).toEqual([
      "src/nn/a.ts -> src/nn/b.ts -> src/nn/c.ts -> src/nn/a.ts",
      "src/nn/self.ts -> src/nn/self.ts",
    ]);
    program.set("src/nn/c.ts", "");
    program.set("src/nn/self.ts", "");
    expect(cycles(imports(program))).toEqual([]);
  });

  test("a long chain of imports does not overflow the stack", () => {
    const chain = Array.from(
      { length: 20_000 },
      (_, i) => [`src/nn/a${i}.ts`, i < 19_999 ? `import "./a${i + 1}.ts";` : ""] as const,
    );
    expect(cycles(imports(new Map(chain)))).toEqual([]);
  });

  test("a module of Node is found through other files, with and without its prefix", () => {
    const program = new Map([
      ["src/index.ts", 'export * from "./a.ts"; export * from "./clean.ts";'],
      ["src/a.ts", 'import "./b.ts"; import "fflate";'],
      ["src/b.ts", 'import type { Worker } from "node:worker_threads"; const fs = await import("fs/promises");'],
      ["src/clean.ts", ""],
      ["src/node.ts", 'import "node:fs";'],
    ]);
    expect(nodeModulesReached(imports(program), "src/index.ts")).toEqual([
      "src/index.ts -> src/a.ts -> src/b.ts -> node:worker_threads",
      "src/index.ts -> src/a.ts -> src/b.ts -> fs/promises",
    ]);
  });
});

function projectSources(): Sources {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const sources = new Map<string, string>();
  for (const folder of ["src", "passes", "codegen", "examples", "web"])
    for (const name of readdirSync(root + folder, { recursive: true, encoding: "utf8" }))
      if (name.endsWith(".ts")) {
        const path = posix.join(folder, name.replaceAll("\\", "/"));
        sources.set(path, readFileSync(root + path, "utf8"));
      }
  return sources;
}

/** A program of two files: `from` with the text given, and the empty file it imports where that is a file. */
function withTarget(from: string, text: string): Sources {
  const program = new Map([[from, text]]);
  for (const target of imports(program).get(from)?.files ?? []) program.set(target, "");
  return program;
}

function violations(sources: Sources): readonly string[] {
  const found: string[] = [];
  for (const [from, { files, values, packages }] of imports(sources)) {
    if (from.startsWith("examples/")) {
      const foreign = [
        ...packages.filter((name) => !name.startsWith("node:")),
        ...files.filter((to) => !ownFiles.has(to)),
      ];
      for (const name of foreign)
        found.push(`${from} imports ${name}: an example imports only tensorloom, tensorloom/node and node:*`);
      continue;
    }
    const may = rules.find((rule) => matches(from, rule.of))?.may ?? [];
    for (const to of new Set(files))
      if (!sources.has(to)) found.push(`${from} imports ${to}, which does not exist`);
      else if (!allowed(to, may, !values.has(to))) found.push(`${from} imports ${to}: it may import ${may.join(" ")}`);
  }
  return found;
}

function allowed(path: string, may: readonly string[], isType: boolean): boolean {
  return (
    may.some((prefix) => matches(path, isType ? prefix.replace(/^type /, "") : prefix)) &&
    !may.some((prefix) => prefix.startsWith("!") && matches(path, prefix.slice(1)))
  );
}

function matches(path: string, prefix: string): boolean {
  const [parts, wanted] = [path.split("/"), prefix.split("/")];
  const isFolder = wanted.at(-1) === "";
  if (isFolder) wanted.pop();
  if (isFolder ? parts.length <= wanted.length : parts.length !== wanted.length) return false;
  return wanted.every((part, i) => part === "*" || part === parts[i]);
}

function imports(sources: Sources): Imports {
  return new Map([...sources].map(([path, text]) => [path, scan(path, text)] as const));
}

function scan(path: string, text: string): Imported {
  const files: string[] = [];
  const values = new Set<string>();
  const packages: string[] = [];
  for (const { specifier, isType } of specifiers(text, path)) {
    const file =
      ownNames.get(specifier) ?? (specifier.startsWith(".") ? posix.join(posix.dirname(path), specifier) : undefined);
    if (file === undefined) {
      packages.push(specifier);
      continue;
    }
    files.push(file);
    if (!isType) values.add(file);
  }
  return { files, values, packages };
}

/** One cycle for each group of files that reach each other: a shortest one through the group's first file by name. */
function cycles(graph: Imports): readonly string[] {
  const found: string[] = [];
  for (const group of components(graph)) {
    const [first] = group.sort();
    if (first === undefined || (group.length === 1 && graph.get(first)?.files.includes(first) !== true)) continue;
    const path = shortestPath(graph, first, first);
    if (path !== undefined) found.push(path.join(" -> "));
  }
  return found.sort();
}

/** Tarjan's strongly connected components, with a stack of its own in place of recursion. */
function components(graph: Imports): string[][] {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const open: string[] = [];
  const isOpen = new Set<string>();
  const groups: string[][] = [];
  const lower = (path: string, value: number): void => {
    low.set(path, Math.min(low.get(path) ?? value, value));
  };
  for (const root of graph.keys()) {
    const work: { readonly path: string; next: number }[] = index.has(root) ? [] : [{ path: root, next: 0 }];
    for (let top = work.at(-1); top !== undefined; top = work.at(-1)) {
      const { path } = top;
      if (top.next === 0) {
        index.set(path, index.size);
        lower(path, index.size - 1);
        open.push(path);
        isOpen.add(path);
      }
      const to = graph.get(path)?.files[top.next++];
      if (to !== undefined) {
        const seen = index.get(to);
        if (seen === undefined) {
          if (graph.has(to)) work.push({ path: to, next: 0 });
        } else if (isOpen.has(to)) lower(path, seen);
        continue;
      }
      work.pop();
      const lowest = low.get(path) ?? 0;
      const parent = work.at(-1);
      if (parent !== undefined) lower(parent.path, lowest);
      if (lowest !== index.get(path)) continue;
      const group = open.splice(open.lastIndexOf(path));
      for (const member of group) isOpen.delete(member);
      groups.push(group);
    }
  }
  return groups;
}

function nodeModulesReached(graph: Imports, entry: string): readonly string[] {
  const builtin = new Set(builtinModules);
  return [...graph].flatMap(([file, { packages }]) => {
    const names = packages.filter((name) => name.startsWith("node:") || builtin.has(name));
    const path = file === entry ? [entry] : names.length > 0 ? shortestPath(graph, entry, file) : undefined;
    return path === undefined ? [] : names.map((name) => [...path, name].join(" -> "));
  });
}

/** A shortest path of at least one step from one file to another, or to itself. */
function shortestPath(graph: Imports, from: string, end: string): readonly string[] | undefined {
  const before = new Map<string, string>();
  const queue = [from];
  for (const path of queue)
    for (const to of graph.get(path)?.files ?? []) {
      if (before.has(to)) continue;
      before.set(to, path);
      queue.push(to);
      if (to !== end) continue;
      const steps = [to];
      for (let at = path; at !== from; at = before.get(at) ?? from) steps.push(at);
      return [...steps, from].reverse();
    }
  return undefined;
}

/** A word, a string (its text), or one character of punctuation (`++` and `--` as one). */
interface Token {
  readonly kind: "word" | "string" | "mark";
  readonly text: string;
}

interface Specifier {
  readonly specifier: string;
  readonly isType: boolean;
}

/** What a source text imports, in order, by any form of import with a constant specifier. */
function specifiers(source: string, name = "source"): readonly Specifier[] {
  const all = tokens(source, name);
  const found: Specifier[] = [];
  const at = (i: number): string => {
    const token = all[i];
    return token === undefined || token.kind === "string" ? "" : token.text;
  };
  const string = (i: number): string | undefined => (all[i]?.kind === "string" ? all[i]?.text : undefined);
  for (const [i] of all.entries()) {
    const word = at(i);
    if ((word !== "import" && word !== "export" && word !== "require") || at(i - 1) === ".") continue;
    if (at(i + 1) === "(") {
      // import("x"), require("x"); not import("x" + y)
      const specifier = string(i + 2);
      if (word !== "export" && specifier !== undefined && [")", ","].includes(at(i + 3)))
        found.push({ specifier, isType: false });
    } else if (word === "import" && string(i + 1) !== undefined) {
      found.push({ specifier: string(i + 1) ?? "", isType: false });
    } else if (word === "import" || (word === "export" && ["{", "*", "type"].includes(at(i + 1)))) {
      // A clause is words, { , * } and string names; "from" followed by a string ends it, and so does anything else.
      for (let j = i + 1; /^[\w$*{},]+$/.test(at(j)) || string(j) !== undefined; j++) {
        const specifier = string(j + 1);
        if (at(j) !== "from" || specifier === undefined) continue;
        found.push({ specifier, isType: isTypeClause(all.slice(i + 1, j).map((token) => token.text)) });
        break;
      }
    }
  }
  return found;
}

/** Of the words between "import" or "export" and "from": whether all that they name are types. */
function isTypeClause(clause: readonly string[]): boolean {
  const [first, second] = clause;
  if (first === "type") return second !== undefined && second !== ",";
  const names = clause.join(" ").match(/^\{ (.*?)( ,)? \}$/)?.[1];
  return names?.split(" , ").every((one) => /^type (?!as \S+$)\S/.test(one)) ?? false;
}

/** A regular expression may start after these words; after any other, a slash divides. */
const beforeExpression = new Set(
  "return typeof case do else in of instanceof new delete void throw await yield default extends".split(" "),
);

/**
 * Splits a source text into tokens and drops comments. A slash starts a regular expression where an operand is expected;
 * where this guess is wrong, a literal that does not end on its line is an error, not a silent skip.
 */
function tokens(source: string, name: string): readonly Token[] {
  const found: Token[] = [];
  // One entry for each open template: how many braces are open in its current ${ }.
  const templates: number[] = [];
  let at = 0;
  const lost = (what: string, from: number): Error =>
    new Error(`${name}, line ${source.slice(0, from).split("\n").length}: ${what} does not end`);
  const match = (pattern: RegExp, what: string): string => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text === undefined) throw lost(what, at);
    at += text.length;
    return text;
  };
  /** A template's text up to its end or its next ${; one without any ${ } counts as a string. */
  const template = (isStart: boolean): void => {
    const text = match(/[`}](?:[^\\`$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{)/y, "a template");
    if (text.endsWith("${")) {
      if (isStart) found.push({ kind: "mark", text: "`" });
      templates.push(0);
    } else found.push(isStart ? { kind: "string", text: text.slice(1, -1) } : { kind: "mark", text: ")" });
  };
  while (at < source.length) {
    const char = source.charAt(at);
    if (/\s/.test(char)) match(/\s+/y, "space");
    else if (source.startsWith("//", at)) match(/\/\/.*/y, "a comment");
    else if (source.startsWith("/*", at)) match(/\/\*[\s\S]*?\*\//y, "a comment");
    else if (source.startsWith("#!", at) && at === 0) match(/.*/y, "a first line");
    else if (char === '"')
      found.push({ kind: "string", text: match(/"(?:[^"\\\n]|\\[\s\S])*"/y, "a string").slice(1, -1) });
    else if (char === "'")
      found.push({ kind: "string", text: match(/'(?:[^'\\\n]|\\[\s\S])*'/y, "a string").slice(1, -1) });
    else if (char === "`") template(true);
    else if (/[\p{ID_Start}$_\d]/u.test(char))
      found.push({ kind: "word", text: match(/[\p{ID_Continue}$]+/uy, "a word") });
    else if (char === "/" && !endsOperand(found)) {
      match(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y, "a regular expression");
      found.push({ kind: "mark", text: ")" }); // an operand ends here
    } else {
      const depth = templates.pop();
      if (char === "}" && depth === 0) {
        template(false);
        continue;
      }
      if (depth !== undefined) templates.push(depth + (char === "{" ? 1 : char === "}" ? -1 : 0));
      found.push({ kind: "mark", text: /\+\+|--/y.test(source.slice(at, at + 2)) ? match(/../y, "a mark") : char });
      if (found.at(-1)?.text.length === 1) at++;
    }
  }
  if (templates.length > 0) throw lost("a template", source.length);
  return found;
}

function endsOperand(found: readonly Token[]): boolean {
  const last = found.at(-1);
  if (last === undefined) return false;
  if (last.kind === "word") return !beforeExpression.has(last.text) || found.at(-2)?.text === ".";
  return last.kind === "string" || [")", "]", "}", "++", "--"].includes(last.text);
}
