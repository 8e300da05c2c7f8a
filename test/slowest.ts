/**
 * A reporter for `.ci/run`: the ten test files that took longest, hooks and imports with them, so that a file that has grown
 * slow is seen. Says so where one is over its budget; a busy machine is no failure.
 *
 *   npx vitest run --reporter=default --reporter=./test/slowest.ts
 */
import { relative } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

const shown = 10;
const budgetSeconds = 60;

export default class Slowest implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const files = modules.map((module) => {
      const { collectDuration, duration } = module.diagnostic();
      return { name: relative("", module.moduleId), seconds: (collectDuration + duration) / 1000 };
    });
    console.log("\nthe files that took longest");
    for (const { name, seconds } of files.toSorted((a, b) => b.seconds - a.seconds).slice(0, shown)) {
      const note = seconds > budgetSeconds ? `  over the ${budgetSeconds} s that a file may take` : "";
      console.log(`${seconds.toFixed(1).padStart(7)} s  ${name}${note}`);
    }
  }
}
