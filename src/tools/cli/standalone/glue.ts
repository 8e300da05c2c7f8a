/**
 * The templates of a target as one text of JavaScript: without their imports, exports and types, with their comments.
 *
 * They are read as they lie in the project (.ts) or in the package (.js, as tsc made it of them).
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../../core/errors.ts";

const place = join("src", "tools", "cli", "standalone", "glue");

/** The templates of these names, in this order: each stands behind those that it imports. */
export async function glueText(names: readonly string[]): Promise<string> {
  const { Node, Project, ts } = await import("ts-morph");
  const project = new Project({ useInMemoryFileSystem: true, skipLoadingLibFiles: true });
  const folder = glueFolder();
  const texts = names.map((name) => {
    const file = project.createSourceFile(`${name}.ts`, readFileSync(join(folder.path, name + folder.ending), "utf8"));
    for (const declaration of file.getImportDeclarations()) declaration.remove();
    for (const statement of file.getStatementsWithComments()) {
      if (Node.isExportable(statement)) statement.setIsExported(false);
    }
    const compilerOptions = {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    };
    const text = file.getFullText().replace(/^\s*\/\*\*.*?\*\/\s*/s, ""); // what the file is in the project
    return `// ---- ${name} ----\n\n${ts.transpileModule(text, { compilerOptions }).outputText}`;
  });
  // Without what tsc puts around modules.
  const joined = texts.join("\n").replaceAll(/^(?:export \{\}|"use strict");\n/gm, "");
  return joined.replaceAll(/^(?: {4})+/gm, (spaces) => " ".repeat(spaces.length / 2)); // as the rest is
}

/** Beside this file in the project and in the package; this file may lie in a bundle, which is in a folder of the one or the other. */
function glueFolder(): { readonly path: string; readonly ending: string } {
  const here = fileURLToPath(import.meta.url);
  for (let folder = dirname(here); folder !== dirname(folder); folder = dirname(folder)) {
    for (const ending of [".ts", ".js"]) {
      const path = join(folder, place);
      if (existsSync(join(path, `slots${ending}`))) return { path, ending };
    }
  }
  throw new UserError(`the templates of standalone programs are not where they belong: no ${place} above ${here}`);
}
