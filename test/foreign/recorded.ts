/**
 * The recorded answers: a head with the recipes' fingerprint, then a line for each recipe.
 *
 *   {"by":"PyTorch 1.13, float64","recipes":"3f2a...","answers":[
 *   [[3],0.25,1.5,[0.1,0.2],[0,-3]],
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Answer, Recipe } from "./recipe.ts";

export const recordedSeed = 1;
export const recordedCount = 2300;
export const answersFile = fileURLToPath(new URL("../fixtures/foreign-answers.json", import.meta.url));

export interface Answers {
  /** Whose they are. */
  readonly by: string;
  readonly answers: readonly Answer[];
}

type Row = readonly [shape: readonly number[], y: number, by: number, g: readonly number[], h: readonly number[]];

/** Answers are to recipes: where the drawing of recipes changes, they are asked for again. */
export function fingerprint(recipes: readonly Recipe[]): string {
  return createHash("sha256").update(JSON.stringify(recipes)).digest("hex");
}

export function writeAnswers(recipes: readonly Recipe[], { by, answers }: Answers): void {
  const rows = answers.map(({ shape, y, by: slope, g, h }): Row => [shape, y, slope, g, h]);
  const head = `{"by":${JSON.stringify(by)},"recipes":"${fingerprint(recipes)}","answers":[\n`;
  writeFileSync(answersFile, `${head}${rows.map((row) => JSON.stringify(row)).join(",\n")}\n]}\n`);
}

export function readAnswers(file = answersFile): Answers & { readonly recipes: string } {
  const { by, recipes, answers } = JSON.parse(readFileSync(file, "utf8")) as { by: string; recipes: string; answers: Row[] }; // biome-ignore format: short
  return { by, recipes, answers: answers.map(([shape, y, slope, g, h]) => ({ shape, y, by: slope, g, h })) };
}
