/** Which scripts are said to have no default export before they are run. A false "none" would be worse than a late one. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lacksDefaultExport } from "../../src/tools/cli/exports.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tensorloom-exports-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const rows: readonly (readonly [file: string, source: string, lacks: boolean])[] = [
  ["default.ts", "const net: number = await 3;\nexport default net;", false],
  ["named.ts", "const net = 3;\nexport { net as default, net };", false],
  ["quoted.js", 'export { net as "default" } from "./net.js";', false],
  ["again.ts", 'export { default } from "./net.ts";', false],
  ["function.mts", "export default function <T,>(x: T): T { return x; }", false],
  ["class.tsx", "export default abstract class Net { a = <b />; }", false],
  ["common.cjs", "module.exports = { entries: 3 };", false],
  ["common.js", "exports.default = 3;", false],
  ["equals.cts", 'import fs = require("node:fs");\nexport = fs;', false],
  ["broken.ts", "export default program({{;", false],
  ["other.ts", 'import { program } from "tensorloom";\nexport const net = program({});', true],
  ["top.ts", "const loss: number = await 3;\nconsole.log(loss);", true],
  ["star.ts", 'export * from "./net.ts";', true], // never passes a default on
  ["type.ts", "export default interface Net { readonly width: number }", true],
  ["typed.ts", "interface Net { readonly width: number }\nexport type { Net as default };", true],
  ["words.ts", '// export default net\nexport const text = "export default net";', true],
];

test.each(rows)("%s: %s", async (file, source, lacks) => {
  const path = join(folder, file);
  await writeFile(path, source);
  expect(await lacksDefaultExport(path)).toBe(lacks);
});

test("a file that is not there is nobody's verdict", async () => {
  expect(await lacksDefaultExport(join(folder, "nowhere.ts"))).toBe(false);
});
