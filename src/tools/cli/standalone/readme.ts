/** The README of a standalone folder. */
import { commentText } from "../../../../codegen/escape.ts";
import { byteWidth } from "../../../core/dtype.ts";
import type { TargetName } from "../../../kernel/target.ts";
import { propertyKey } from "./names.ts";
import type { CompiledProgram, ProgramEntry } from "./program.ts";
import { type LeafTree, treeOf } from "./tree.ts";

type Target = TargetName | "c";

export interface ReadmeFacts {
  readonly stem: string;
  /** The user's script. */
  readonly script: string;
  readonly target: Target;
  readonly files: readonly string[];
  readonly version: string;
  /** In C how each entry is called. */
  readonly calls: readonly string[];
}

export function readmeOf(program: CompiledProgram, facts: ReadmeFacts): string {
  const { stem, script, target, files, version } = facts;
  const total = program.states.reduce((sum, { slot }) => sum + slot.count * byteWidth(slot.dtype), 0);
  const begin = `# ${stem}

The program of \`${script.replaceAll("`", "'")}\` for the ${target} target, written by tensorloom ${version}. It needs nothing but these files:

${files.map((file) => `- \`${file}\`${told(file, stem)}`).join("\n")}
`;
  return target === "c"
    ? `${begin}\n${cNotes(facts, total)}`
    : `${begin}\n${moduleNotes(program, { stem, target }, total)}`;
}

/** A module in C has one set of states. */
function cNotes({ stem, calls }: ReadmeFacts, total: number): string {
  return `\`\`\`sh
cc -std=c99 -O2 -fwrapv -ffp-contract=off -fno-strict-aliasing main.c ${stem}.c -lm
\`\`\`

The flags are part of what the program means: integers wrap, and products are rounded before they are added. Load the states first
(\`${stem}.h\`), then call the entries:

\`\`\`c
${calls.map((call) => `${call};`).join("\n")}
\`\`\`

Sizes are fixed; the states take ${total} bytes. There is one program a process, on one thread, for machines that are little-endian.
`;
}

function moduleNotes(
  program: CompiledProgram,
  { stem, target }: Pick<ReadmeFacts, "stem"> & { readonly target: TargetName },
  total: number,
): string {
  const [first] = program.entries;
  const wait = target === "wgsl" ? "await " : "";
  const isIdentifier = (name: string): boolean => propertyKey(name) === name;
  const call = ({ name, inputs }: ProgramEntry): string => {
    const given =
      inputs.length === 0 ? "" : shown(treeOf(inputs.map(({ path, slot }) => ({ path, value: slot.name }))));
    return `${wait}net${isIdentifier(name) ? `.${name}` : `[${JSON.stringify(name)}]`}(${given})`;
  };
  return `\`\`\`js
import { create } from "./${stem}.js";

const net = await create();
${first === undefined ? "" : `const outputs = ${call(first)};\n`}const bytes = ${wait}net.state.save(); // all states, as a safetensors file
net.state.load(bytes);
\`\`\`

Entries: ${program.entries.map((entry) => `\`${commentText(call(entry)).replaceAll("`", "'")}\``).join(", ")}. What they take and give, and the ${program.states.length} states (${total} bytes), are typed
in \`${stem}.d.ts\`. Sizes are fixed, and so is the order of the numbers: row-major.

In Node (20.16 or newer) it runs as it lies here. A page loads it by \`<script type="module">\` from any server of files; its content security policy
must allow ${policies[target]}, and \`connect-src\` the files beside the module.
Bundlers find those by \`new URL("...", import.meta.url)\`; where they do not, \`create({ load: async (name) => bytes })\` reads them.
${notes[target]}
`;
}

function told(file: string, stem: string): string {
  if (file === `${stem}.safetensors`)
    return ": the states that it starts with; one that the program has saved can take its place";
  if (file === `${stem}.h`) return ": what it has";
  if (file === `${stem}.d.ts`) return ": its types";
  return file === `${stem}.js` ? ": the module" : "";
}

function shown(tree: LeafTree<string>): string {
  if (tree.kind === "leaf") return "values";
  const members = tree.members.map(([name, member]) =>
    tree.kind === "list" ? shown(member) : `${propertyKey(name)}: ${shown(member)}`,
  );
  return tree.kind === "list" ? `[${members.join(", ")}]` : `{ ${members.join(", ")} }`;
}

const policies: Readonly<Record<TargetName, string>> = {
  js: "no more than the script itself (`script-src 'self'`)",
  wasm: "`'wasm-unsafe-eval'` besides the script itself",
  wgsl: "no more than the script itself (`script-src 'self'`)",
};

const notes: Readonly<Record<TargetName, string>> = {
  js: "Calls are done when they return: in a page, call it from a worker where a step takes long.",
  wasm: "It runs on one thread, and calls are done when they return: in a page, call it from a worker where a step takes long.",
  wgsl: `It needs WebGPU: \`navigator.gpu\`, or in Node \`create({ gpu })\` with that of the package webgpu. Calls take effect in the order in which they
are made, awaited or not.`,
};
