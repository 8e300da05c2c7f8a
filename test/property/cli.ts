/**
 * The command line with any arguments: it does what is asked, or says what is wrong and exits with 2. No stack, no hang, no
 * file written. Runs in this process, commander and all.
 */
import { match, ok } from "node:assert/strict";
import { Command } from "commander";
import fc from "fast-check";
import { addCompileCommand } from "../../src/tools/cli/compile-command.ts";
import { addExplainCommand } from "../../src/tools/cli/explain-command.ts";
import { addGraphCommand } from "../../src/tools/cli/graph-command.ts";
import { addRunCommand } from "../../src/tools/cli/run-command.ts";
import { runCommand } from "../../src/tools/script.ts";
import { cpuMs, type Property, property } from "./property.ts";

interface Finished {
  readonly code: number;
  readonly said: string;
  readonly ms: number;
}

/** Runs the command as its main does, with what it writes caught. */
async function run(args: readonly string[]): Promise<Finished> {
  const command = new Command("tensorloom");
  addRunCommand(command);
  addGraphCommand(command);
  addExplainCommand(command);
  addCompileCommand(command);
  const { argv, exitCode } = process;
  const [out, err] = [process.stdout.write, process.stderr.write];
  let said = "";
  const hear = (text: string | Uint8Array): boolean => {
    said += typeof text === "string" ? text : "";
    return true;
  };
  const silent = { write: () => true };
  const started = cpuMs();
  for (const each of [command, ...command.commands]) each.configureOutput({ writeOut: hear, writeErr: hear });
  Object.assign(process.stdout, silent);
  process.stderr.write = hear;
  process.exitCode = 0;
  try {
    await runCommand(command, ["node", "tensorloom", ...args]);
    return { code: Number(process.exitCode ?? 0), said, ms: cpuMs() - started };
  } finally {
    process.stdout.write = out;
    process.stderr.write = err;
    process.exitCode = exitCode;
    process.argv = argv;
  }
}

/** Done, or the user's error in words, in some seconds. */
async function saysWhatIsWrong(args: readonly string[], wrong: boolean): Promise<void> {
  const { code, said, ms } = await run(args);
  ok(code === 2 || (code === 0 && !wrong), `exit code ${code}: ${said}`);
  if (code === 2) match(said, /error: ./);
  ok((said.match(/^ +at /gm)?.length ?? 0) < 2, `a stack: ${said}`);
  ok(ms < 10_000, `took ${ms} ms`);
}

// ---- arguments -------------------------------------------------------------------------------------------------------

const script = "test/cli/scripts/factors.ts";
const symbolic = "test/cli/scripts/mnist.ts";

const odd = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.string({
    unit: fc.constantFrom("=", ",", "-", "0", "9", "e", ".", " ", "batch", "\n", "\0", "é", "__proto__"),
    maxLength: 8,
  }),
  fc.constantFrom("", " ", "__proto__", "constructor", "toString", "NaN", "1e999", "-1", "--", "-", "%s", "\u001b[31m"),
);

/** Nothing that could be `-o FILE`, alone or among short flags. */
const harmless = (arg: string): boolean => !/^-[^-]*o|^--o/.test(arg) && arg !== "run";

const size = fc.oneof(
  fc.nat({ max: 300 }).map(String),
  fc.constantFrom(
    "0",
    "1",
    "4294967296",
    "9007199254740991",
    "9007199254740992",
    "1e3",
    "0x10",
    "007",
    "-1",
    "1.5",
    "∞",
    "",
  ),
  odd,
);
const dims = fc.oneof(
  fc
    .array(fc.tuple(fc.oneof({ weight: 4, arbitrary: fc.constant("batch") }, { weight: 1, arbitrary: odd }), size), {
      maxLength: 3,
    })
    .map((parts) => parts.map(([name, value]) => `${name}=${value}`).join(",")),
  odd,
);
const entry = fc.oneof(fc.constantFrom("train", "product", "Train", "train ", "toString", "__proto__"), odd);
const stage = fc.oneof(fc.constantFrom("forward", "gradient", "optimized", "kernels", "memory", "all"), odd);
const format = fc.oneof(fc.constantFrom("text", "dot", "json", "mermaid", "gif", "TEXT"), odd);
const target = fc.oneof(fc.constantFrom("js", "wgsl", "wasm", "auto"), odd);

const option = (name: string, value: fc.Arbitrary<string>): fc.Arbitrary<readonly string[]> =>
  fc.tuple(value, fc.boolean()).map(([text, joined]) => (joined ? [`--${name}=${text}`] : [`--${name}`, text]));

const flags = fc.array(
  fc.oneof(
    option("dims", dims),
    option("entry", entry),
    option("stage", stage),
    option("format", format),
    option("target", target),
    odd.filter((text) => harmless(`--${text}`)).map((text) => [`--${text}`]),
    odd.filter(harmless).map((text) => [text]),
  ),
  { maxLength: 4 },
);

const command = fc.constantFrom("graph", "explain", "compile");
const noScript = odd.filter((text) => harmless(text) && !/^[./]*$/.test(text));

export const cliProperties: readonly Property[] = [
  property(
    "graph and explain with any flags do it, or say what is wrong",
    300,
    fc.asyncProperty(
      fc.constantFrom("graph", "explain"),
      fc.constantFrom(script, symbolic),
      flags,
      (name, path, given) => saysWhatIsWrong([name, path, ...given.flat()], false),
    ),
  ),
  property(
    "a stage with dimensions of any size is compiled, or refused",
    100,
    fc.asyncProperty(
      fc.constantFrom("js", "wgsl"),
      fc.constantFrom("kernels", "memory", "optimized"),
      size,
      (name, until, text) =>
        saysWhatIsWrong(["graph", symbolic, "--target", name, "--stage", until, `--dims=batch=${text}`], false),
    ),
  ),
  property(
    "a script that is not there, or none, is the user's error",
    200,
    fc.asyncProperty(fc.oneof(command, fc.constant("run")), noScript, (name, path) =>
      saysWhatIsWrong([name, `no-such-folder/${path}`], true),
    ),
  ),
  property(
    "an unknown flag or command is the user's error",
    200,
    fc.asyncProperty(fc.oneof(command, odd), odd, (name, text) => {
      fc.pre(harmless(name) && harmless(`--x${text}`) && name !== "help" && !/^(-h|--help)/.test(name));
      return saysWhatIsWrong([name, script, `--x${text}`], true);
    }),
  ),
];
