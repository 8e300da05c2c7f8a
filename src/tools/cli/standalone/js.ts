/**
 * The js target: kernels as functions of the module, and each entry as a function that calls them.
 *
 *   (input, output) => {
 *     const x = new Float32Array(input, 0, 100352);        a view for each buffer, made once
 *     return () => {
 *       k0_contract_max(x, model_w1, t18);                 what a call runs
 *     };
 *   }
 */
import { commentText } from "../../../../codegen/escape.ts";
import type { JsArtifact } from "../../../../codegen/js/artifact.ts";
import { JsPrinter } from "../../../../codegen/js/print.ts";
import { CompilerBug, unreachable } from "../../../core/errors.ts";
import { there } from "../../../core/records.ts";
import type { ArtifactRow, ArtifactStep, StepOf } from "../../../program/artifact.ts";
import type { BufferSlot } from "../../../program/buffer.ts";
import { kernelsOf } from "../../../program/sequence.ts";
import { arrayTypeOf } from "../../../runtime/typed-arrays.ts";
import { Code } from "./literal.ts";
import { plain, Unlike } from "./names.ts";
import { commonGlue, entryTable, type ModuleParts, moduleFile, programText, stateTable } from "./parts.ts";
import type { CompiledProgram, ProgramEntry } from "./program.ts";

export function jsParts(program: CompiledProgram<JsArtifact>, start: string): ModuleParts {
  const kernels = [...new Set(program.entries.flatMap(({ stages }) => kernelsOf(stages.sequence)))];
  const { source, names } = new JsPrinter().print(kernels);
  const nameOf = new Map(kernels.map((kernel, i) => [kernel, there(names[i], "kernel's name")]));
  const bound = program.entries.map((entry) => {
    const own = kernelsOf(entry.stages.sequence).map((kernel) => there(nameOf.get(kernel), "kernel"));
    return new EntryPrinter(entry, own).print();
  });
  const text = [
    "/** The kernels and, for each entry, what a call of it runs. Names with a $ are memory and views of it. */",
    "function bind($state, $arena) {",
    ...(source === "" ? [] : [indented(source, "  ")]),
    "  return [",
    ...bound.map((entry) => `${indented(entry, "    ")},`),
    "  ];",
    "}",
    "",
    programText({
      start: moduleFile(start),
      states: stateTable(program.states, ({ offset }) => offset),
      bytes: {
        state: program.stateBytes,
        arena: Math.max(...program.entries.map(({ stages }) => stages.entry.segmentBytes.arena)),
      },
      entries: program.entries.map((entry) => {
        const { input, output } = entry.stages.entry.segmentBytes;
        return { ...entryTable(entry, ({ offset }) => offset), bytes: { input, output } };
      }),
      bind: new Code("bind"),
    }),
  ].join("\n");
  return { text, create: "createJs", glue: [...commonGlue, "host", "js"], files: new Map() };
}

/** Kernels have no text of several lines in them. */
function indented(text: string, by: string): string {
  return text.trimEnd().replaceAll(/^(?=.)/gm, by);
}

/** The function of one entry. */
class EntryPrinter {
  readonly #entry: ProgramEntry<JsArtifact>;
  readonly #kernels: readonly string[];
  readonly #views = new Map<BufferSlot, string>();
  readonly #names = new Unlike(["$state", "$arena", "$input", "$output", "$copy"]);
  /** What is made once. */
  readonly #made: string[] = [];
  #copiesRows = false;

  constructor(entry: ProgramEntry<JsArtifact>, kernels: readonly string[]) {
    this.#entry = entry;
    this.#kernels = kernels;
  }

  print(): string {
    const { name, stages } = this.#entry;
    const steps = this.#all(stages.entry.artifact.steps, "    ");
    const copy =
      "const $copy = (from, a, to, b, count) => {\n    for (let i = 0; i < count; i++) to[b + i] = from[a + i];\n  };";
    const made = this.#copiesRows ? [copy, ...this.#made] : this.#made;
    return [
      `// ${commentText(name)}`,
      "($input, $output) => {",
      ...made.map((line) => `  ${line}`),
      "  return () => {",
      ...steps,
      "  };",
      "}",
    ].join("\n");
  }

  #all(steps: readonly ArtifactStep[], indent: string): readonly string[] {
    return steps.flatMap((step) => this.#step(step, indent));
  }

  #step(step: ArtifactStep, indent: string): readonly string[] {
    const inner = `${indent}  `;
    switch (step.kind) {
      case "launch":
        return this.#launch(step).map((line) => indent + line);
      case "copy":
        return [indent + this.#copy(step)];
      case "loop": {
        const i = `i${step.depth}`;
        return [
          `${indent}for (let ${i} = 0; ${i} < ${step.extent}; ${i}++) {`,
          ...this.#all(step.body, inner),
          `${indent}}`,
        ];
      }
      case "while": {
        const n = `n${step.id}`;
        return [
          ...this.#all(step.test, indent),
          `${indent}for (let ${n} = 0; ${n} < ${step.most} && ${this.#view(step.flag)}[0] !== 0; ${n}++) {`,
          ...this.#all(step.body, inner),
          ...this.#all(step.test, inner),
          `${indent}}`,
        ];
      }
      case "if":
        return [
          `${indent}if (${this.#view(step.flag)}[0] !== 0) {`,
          ...this.#all(step.yes, inner),
          `${indent}} else {`,
          ...this.#all(step.no, inner),
          `${indent}}`,
        ];
      default:
        return unreachable(step);
    }
  }

  /** A kernel takes the iterations around it as an array. */
  #launch({ kernel, bindings, iterations }: StepOf<"launch">): readonly string[] {
    const name = there(this.#kernels[kernel], "kernel");
    const operands = bindings.map(({ buffer }) => this.#view(buffer));
    if (iterations.length === 0) return [`${name}(${operands.join(", ")});`];
    const given = this.#names.name("$at");
    this.#made.push(`const ${given} = new Int32Array(${iterations.length});`);
    const set = iterations.map((depth, i) => `${given}[${i}] = i${depth};`);
    return [...set, `${name}(${[...operands, given].join(", ")});`];
  }

  #copy({ from, to, fromRow, toRow }: StepOf<"copy">): string {
    const [source, target] = [this.#view(from), this.#view(to)];
    if (fromRow === undefined && toRow === undefined) return `${target}.set(${source});`;
    this.#copiesRows = true;
    const count = fromRow?.count ?? from.count;
    return `$copy(${source}, ${firstOf(fromRow)}, ${target}, ${firstOf(toRow)}, ${count});`;
  }

  #view(slot: BufferSlot): string {
    const known = this.#views.get(slot);
    if (known !== undefined) return known;
    const { segment, name, dtype, offset, count } = slot;
    if (segment === "held") throw new CompilerBug(`${name} is held, in a program that was exported`);
    const made = this.#names.name(`$${plain(name, "value")}`);
    this.#views.set(slot, made);
    this.#made.push(`const ${made} = new ${arrayTypeOf(dtype).name}($${segment}, ${offset}, ${count});`);
    return made;
  }
}

function firstOf(row: ArtifactRow | undefined): string {
  if (row === undefined) return "0";
  return [row.offset, ...row.strides.map(({ depth, by }) => `${by} * i${depth}`)].join(" + ");
}
