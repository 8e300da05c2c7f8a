/**
 * What the C target prints, compiled by a C compiler and run. It rounds where the kernel language says
 * so and adds in doubles, as `js` does; so the tolerance is none: its bits are those of `js`.
 *
 * Where there is no C compiler the text is looked at, and the name of a test says why nothing more was done.
 */
import { describe, expect, test } from "vitest";
import { c } from "../../codegen/c/target.ts";
import { bindTarget } from "../../codegen/target.ts";
import { stagesOf } from "../../src/compile.ts";
import { jsTarget } from "../../src/eager-targets.ts";
import { f32, program, relu, rmsprop } from "../../src/index.ts";
import type { TargetSetup } from "../../src/target-setup.ts";
import { mnistBatches, mnistStep } from "../mnist-step.ts";
import { caseFeeds, caseProgram } from "../op-case.ts";
import { opCases } from "../op-cases.ts";
import { expectSameBits, type ProgramCase, runProgram } from "../program-case.ts";
import { brokenRows } from "../semantics-rows.ts";
import { cTarget, cTargetUnoptimized, findCompiler, wholeProgram } from "../targets/c/machine.ts";

test("an entry is one C program", () => {
  const made = program({ inputs: { x: f32(512) }, step: ({ x }) => ({ outputs: { y: relu(x) } }) });
  const { entry } = stagesOf(made, "step", {}, bindTarget(c));
  const source = wholeProgram(entry);
  expect(source.slice(source.indexOf("static void kernel_0"))).toMatchInlineSnapshot(`
    "static void kernel_0(const float *x_0, float *y_1) {
      {
        for (int32_t i_2 = 0; i_2 < 512; i_2++) {
          const float v_3 = ((float)x_0[i_2]);
          const float v_2_4 = max_f32(v_3, ((float)0.0));
          y_1[i_2] = v_2_4;
        }
      }
    }
    static uint8_t state_memory[1] __attribute__((aligned(64)));
    static uint8_t input_memory[2049] __attribute__((aligned(64)));
    static uint8_t output_memory[2049] __attribute__((aligned(64)));
    static uint8_t held_memory[1] __attribute__((aligned(64)));
    static uint8_t arena_memory[1] __attribute__((aligned(64)));
    int main(void) {
      if (fread(state_memory, 1, 0, stdin) != 0) return 1;
      if (fread(input_memory, 1, 2048, stdin) != 2048) return 1;
      memset(arena_memory, 0xff, 0);
      kernel_0((float *)(input_memory + 0), (float *)(output_memory + 0)); // k0_max
      if (fwrite(state_memory, 1, 0, stdout) != 0) return 1;
      if (fwrite(output_memory, 1, 2048, stdout) != 2048) return 1;
      return 0;
    }
    "
  `);
});

/** Whole steps of training: the net that the project measures itself by, with smaller batches. */
const training: ProgramCase = {
  program: mnistStep(rmsprop()),
  dims: { batch: 32 },
  calls: mnistBatches(20, 32).map((feeds) => ({ entry: "train", feeds })),
};

/** Every op, with gradients: the scalar functions, casts, sums, sorts, gathers and random draws among them. Two cases of each. */
const cases = opCases.filter(({ op }, i) => op !== opCases[i + 1]?.op || op !== opCases[i + 2]?.op);
/**
 * In parts: cc takes longer for one large file than for four small ones, and a part that fails is sooner found. Not optimized:
 * what an optimizer might make of integers that wrap, casts and the like is asked of the special values, and of the steps.
 */
const parts = Array.from({ length: 4 }, (_, part) => cases.filter((_, i) => i % 4 === part));
const ops = parts.map((some): ProgramCase => {
  return { program: caseProgram(some), calls: [{ entry: "step", feeds: caseFeeds(some) }] };
});

const compiler = findCompiler();

if (compiler === undefined) {
  test("no C compiler here (cc --version does not run): what is printed was not compiled", () => {
    console.warn("test/unit/c-target.test.ts: no cc here, so the C target was printed and not run");
  });
} else {
  describe(`compiled by ${compiler}, the bits of js`, () => {
    test.each<readonly [string, ProgramCase, TargetSetup]>([
      ["20 steps of MNIST, 784-512-10 with RMSprop", training, cTarget],
      ...ops.map(
        (run, i) => [`a quarter of ${cases.length} cases of ops, from ${i} on`, run, cTargetUnoptimized] as const,
      ),
    ])("%s", async (_, run, target) => {
      const [found, wanted] = [await runProgram(run, target), await runProgram(run, jsTarget)];
      expectSameBits(found.trace, wanted.trace, "C");
      // C counts a launch once, wherever it stands
      if (run === training) expect(found.launches).toBe(wanted.launches);
    });

    test("every row of special values: integers that wrap, division by zero, casts, what is gathered from outside", async () => {
      expect(await brokenRows(cTarget)).toEqual([]);
    });
  });
}
