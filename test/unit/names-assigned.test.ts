/**
 * Where the value of a call goes, by the syntax around it: each form in which people assign one. `f()` is the call.
 */
import { ts } from "ts-morph";
import { describe, expect, test } from "vitest";
import { assigned, type Path } from "../../src/tools/names/assigned.ts";

/** The name, with [] behind where it is of an element; then where it is returned. */
function of(source: string, path: Path = []): string {
  const file = ts.createSourceFile("user.ts", source, ts.ScriptTarget.Latest, true);
  let call: ts.Expression | undefined;
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText() === "f") call = node;
    ts.forEachChild(node, visit);
  };
  visit(file);
  if (call === undefined) throw new Error(`no f() in ${source}`);
  const { name, isElement, returned } = assigned(ts, call, path);
  const returns = returned === null ? "" : ` returned at /${returned.join("/")}`;
  return `${name ?? "-"}${isElement ? "[]" : ""}${returns}`;
}

describe("variables", () => {
  test.each([
    ["const hidden = f()", "hidden"],
    ["let hidden; hidden = f()", "hidden"],
    ["const hidden = (f() as any)!", "hidden"],
    ["const hidden = <T>f() satisfies T", "hidden"],
    ["const hidden = await f()", "hidden"],
    ["const hidden = deep ? f() : x", "hidden"],
    ["const hidden = given ?? f()", "hidden"],
    ["const hidden = (warm(), f())", "hidden"],
    ["const größe = f()", "größe"],
    ["class Net { hidden = f() }", "hidden"],
    ["class Net { #hidden; run() { this.#hidden = f() } }", "hidden"],
    ["function g(hidden = f()) {}", "hidden"],
    ["this.cache.hidden = f()", "hidden"],
    ['cache["hid den"] = f()', "hid den"],
    ['cache.set("hidden", f())', "hidden"],
  ])("%s", (source, name) => expect(of(source)).toBe(name));
});

describe("parts", () => {
  test.each<[string, Path, string]>([
    ["const { hidden } = f()", ["hidden"], "hidden"],
    ["const { h: hidden } = f()", ["h"], "hidden"],
    ["const { deep: { h: [, hidden] } } = f()", ["deep", "h", 1], "hidden"],
    ['const { "a-b": hidden = x } = f()', ["a-b"], "hidden"],
    ["const [a, b] = f()", [1], "b"],
    ["[a, b] = f()", [0], "a"],
    ["({ h: hidden, c } = f())", ["h"], "hidden"],
    ["({ h: hidden, c } = f())", ["c"], "c"],
    ["const both = f()", [1], "both_1"],
    ["const both = f()", ["deep", "h"], "h"],
    ["const { other } = f()", ["hidden"], "-"],
    ["const [a] = f()", [3], "-"],
    ["const parts = { hidden: f() }", [], "hidden"],
    ['const parts = { "hidden": (f()) }', [], "hidden"],
    ["const pair = [x, f()]", [], "pair_1"],
    ["const [a, b] = [x, f()]", [], "b"],
    ["const pair = [...all, f()]", [], "-"],
    ["hs.push(f())", [], "hs[]"],
    ["model.hs.push(f())", [], "hs[]"],
    ["hs[i] = f()", [], "hs[]"],
    ["hs[2] = f()", [], "hs_2"],
  ])("%s, the part at %j", (source, path, name) => expect(of(source, path)).toBe(name));

  test("how many a pattern asks for", () => {
    const file = ts.createSourceFile("user.ts", "const [a, , c] = f()", ts.ScriptTarget.Latest, true);
    const call = file.statements.flatMap((one) =>
      ts.isVariableStatement(one) ? one.declarationList.declarations : [],
    );
    expect(call[0]?.initializer && assigned(ts, call[0].initializer, []).parts).toBe(3);
  });
});

describe("what is returned", () => {
  test.each<[string, Path, string]>([
    ["function g() { return f() }", [], "- returned at /"],
    ["function g() { return f() }", ["a"], "- returned at /a"],
    ["const g = () => f()", [], "- returned at /"],
    ["const g = () => ({ loss: f() })", [], "- returned at /loss"],
    ["function g() { return { outputs: { all: [x, f()] } } }", [], "- returned at /outputs/all/1"],
    ["function g() { const h = f(); return h }", [], "h returned at /"],
    ["function g() { const h = f(); return { hidden: h, x } }", [], "h returned at /hidden"],
    ["function g() { const h = f(); return { x, h } }", [], "h returned at /h"],
    ["function g() { const h = f(); if (a) { return [x, h] } return x }", [], "h returned at /1"],
    ["function g() { const hs = []; for (;;) hs.push(f()); return hs }", [], "hs[] returned at /"],
    ["function g() { const h = f(); return relu(h) }", [], "h"],
    ["function g() { const h = f(); return () => h }", [], "h"],
    ["const h = f(); function g() { return h }", [], "h"],
  ])("%s", (source, path, found) => expect(of(source, path)).toBe(found));
});

test.each([
  "relu(f())",
  "const a = add(f(), x)",
  "const a = f() + 1",
  "const a = -f()",
  "a += f()",
  "const a = f() ? x : y",
  "const a = f() && x",
  "f()",
  "const a = f().b",
  "for (const a of f()) {}",
  "const { [key]: a } = f()",
  "export default f()",
  "throw f()",
  "const a = tag`a`(f())",
  "const a = [...f()]",
  "const a = { ...f() }",
])("what is no variable's value has no name: %s", (source) => expect(of(source)).toBe("-"));
