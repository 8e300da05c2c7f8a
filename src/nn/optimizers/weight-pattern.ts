/** Which weights are meant: those whose path ("dense1.bias") has a text in it, or matches a regular expression; and how that stands in a file. */
import { type Config, type ConfigReader, required } from "../config.ts";
import type { Stored } from "../schema.ts";

export type WeightPattern = string | RegExp;

export function isWeightPattern(value: unknown): value is WeightPattern {
  return typeof value === "string" || value instanceof RegExp;
}

/** A global expression goes on where its last search ended: each path is searched by a new one. */
export function isMeant(pattern: WeightPattern, path: string): boolean {
  return typeof pattern === "string" ? path.includes(pattern) : new RegExp(pattern).test(path);
}

export function writePattern(pattern: WeightPattern): Config {
  return typeof pattern === "string" ? pattern : { pattern: pattern.source, flags: pattern.flags };
}

/** Several. */
export const patternsKind: Stored<readonly WeightPattern[]> = {
  wanted: "a list of texts or regular expressions: [/bias$/], say",
  accepts: (value): value is readonly WeightPattern[] => Array.isArray(value) && value.every(isWeightPattern),
  write: (given) => given.map(writePattern),
  read: (from) => from.list(1000).map(readPattern),
};

export function readPattern(from: ConfigReader): WeightPattern {
  if (from.isText) return from.text();
  const { pattern, flags } = from.fields("pattern", "flags");
  const [text, marks] = [required(pattern, from, "pattern").text(), flags?.text() ?? ""];
  try {
    return new RegExp(text, marks);
  } catch {
    throw from.error("a regular expression", JSON.stringify(text));
  }
}
