/**
 * Golden text: what a compiler stage prints for a fixed program, kept in test/golden/ and reviewed like code.
 *
 *   UPDATE=1 npx vitest run test/unit/mnist-step.test.ts      rewrites the files; refused where CI=true
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";

const folder = new URL("./golden/", import.meta.url);

export function expectGolden(name: string, text: string, environment: NodeJS.ProcessEnv = process.env): void {
  const file = new URL(name, folder);
  const wanted = text.endsWith("\n") ? text : `${text}\n`;
  if (environment.UPDATE === "1") {
    if (environment.CI === "true") throw new Error("golden files are not rewritten where CI=true");
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, wanted);
    return;
  }
  if (!existsSync(file)) throw new Error(`test/golden/${name} does not exist: run the test with UPDATE=1`);
  expect(wanted, `test/golden/${name} (UPDATE=1 rewrites it)`).toBe(readFileSync(file, "utf8"));
}
