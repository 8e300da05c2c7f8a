/**
 * The types of a standalone module, as its `.d.ts`: what each entry takes and gives, and the states, each with its shape.
 */
import type { SourceFile } from "ts-morph";
import { commentText } from "../../../../codegen/escape.ts";
import type { DType } from "../../../core/dtype.ts";
import { arrayTypeOf } from "../../../runtime/typed-arrays.ts";
import { pascal, typeKey, Unlike } from "./names.ts";
import type { CompiledProgram, InputPort, Port, ProgramEntry } from "./program.ts";
import { type LeafTree, treeOf } from "./tree.ts";

/** `isAsync`: calls and reads give promises, and there is a GPU to let go. */
export async function declarationsOf(program: CompiledProgram, about: string, isAsync: boolean): Promise<string> {
  const { Project, IndentationText } = await import("ts-morph");
  const project = new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    manipulationSettings: { indentationText: IndentationText.TwoSpaces },
  });
  const file = project.createSourceFile("module.d.ts");
  const names = new Unlike(["Net", "State", "States", "Options", "Numbers", "Halves", "create"]);
  const later = (type: string): string => (isAsync ? `Promise<${type}>` : type);
  const entries = program.entries.map((entry) => {
    const [takes, gives] = ["Inputs", "Outputs"].map((what) => names.name(`${pascal(entry.name)}${what}`));
    return { entry, takes: String(takes), gives: String(gives) };
  });

  file.addFunction({
    name: "create",
    isExported: true,
    hasDeclareKeyword: true,
    parameters: [{ name: "options", type: "Options", hasQuestionToken: true }],
    returnType: "Promise<Net>",
    docs: ["Loads what the program needs; every call makes another, with states of its own."],
  });
  file.addInterface({
    name: "Net",
    isExported: true,
    docs: [about],
    properties: [
      ...entries.map(({ entry, takes, gives }) => ({
        name: typeKey(entry.name),
        isReadonly: true,
        type: `(${entry.inputs.length === 0 ? "inputs?" : "inputs"}: ${takes}) => ${later(gives)}`,
        docs: [entryDoc(entry)],
      })),
      { name: "state", isReadonly: true, type: "State", docs: ["What is kept between calls."] },
      ...(isAsync
        ? [
            {
              name: "dispose",
              isReadonly: true,
              type: "() => void",
              docs: ["Lets the GPU and its memory go. Later calls fail."],
            },
          ]
        : []),
    ],
  });
  for (const { entry, takes, gives } of entries) {
    addTree(
      file,
      takes,
      `What "${commentText(entry.name)}" takes.`,
      treeOf(entry.inputs.map((port) => leaf(port, inputType(port)))),
    );
    addTree(
      file,
      gives,
      `What "${commentText(entry.name)}" gives.`,
      treeOf(entry.outputs.map((port) => leaf(port, outputType(port)))),
    );
  }
  file.addInterface({
    name: "States",
    isExported: true,
    docs: ["The states, by name."],
    properties: program.states.map(({ slot, about: words }) => ({
      name: typeKey(slot.name),
      type: arrayTypeOf(slot.dtype).name,
      docs: [words],
    })),
  });
  addState(file, later);
  addOptions(file, isAsync);
  file.addTypeAlias({
    name: "Numbers",
    isExported: true,
    type: "readonly (number | boolean | Numbers)[]",
    docs: [
      "Lists nested as the shape is, or one flat list. They are checked and copied; a typed array is only copied.",
    ],
  });
  if (program.entries.some(({ inputs }) => inputs.some(({ slot }) => slot.dtype === "f16"))) addHalves(file);
  file.formatText({ indentSize: 2 });
  return file.getFullText();
}

function entryDoc({ name, dims }: ProgramEntry): string {
  const sizes = Object.entries(dims).map(([dim, size]) => `${dim} ${size}`);
  return commentText(`Runs "${name}"${sizes.length === 0 ? "" : `, with ${sizes.join(", ")}`}.`);
}

interface TypedLeaf {
  readonly type: string;
  readonly about: string;
}

function leaf({ path, about }: Port, type: string) {
  return { path, value: { type, about } };
}

/** An interface where it has properties, another name of the type where it is a list or a single tensor. */
function addTree(file: SourceFile, name: string, about: string, tree: LeafTree<TypedLeaf>): void {
  if (tree.kind !== "object") {
    file.addTypeAlias({
      name,
      isExported: true,
      type: typeText(tree),
      docs: [tree.kind === "leaf" ? `${about} ${tree.value.about}` : about],
    });
    return;
  }
  const properties = tree.members.map(([member, inner]) => ({
    name: typeKey(member),
    isReadonly: true,
    type: typeText(inner),
    docs: inner.kind === "leaf" ? [inner.value.about] : [],
  }));
  file.addInterface({ name, isExported: true, properties, docs: [about] });
}

function typeText(tree: LeafTree<TypedLeaf>): string {
  if (tree.kind === "leaf") return tree.value.type;
  const members = tree.members.map(([name, member]) => {
    const doc = member.kind === "leaf" ? `/** ${member.value.about} */ ` : "";
    return tree.kind === "list" ? doc + typeText(member) : `${doc}readonly ${typeKey(name)}: ${typeText(member)};`;
  });
  return tree.kind === "list" ? `readonly [${members.join(", ")}]` : `{\n${members.join("\n")}\n}`;
}

/** Arrays whose memory is that of a dtype, besides its own. */
const alike: Readonly<Partial<Record<DType, string>>> = {
  f16: "Halves",
  u8: "Uint8ClampedArray",
  bool: "Uint8ClampedArray",
};

function inputType({ slot: { dtype, shape } }: InputPort): string {
  const own = [arrayTypeOf(dtype).name, alike[dtype], "Numbers"].filter((type) => type !== undefined);
  return [...own, ...(shape.length === 0 ? ["number", "boolean"] : [])].join(" | ");
}

function outputType({ slot: { dtype, shape } }: Port): string {
  return shape.length === 0 ? "number" : arrayTypeOf(dtype).name;
}

function addState(file: SourceFile, later: (type: string) => string): void {
  const name = { name: "N", constraint: "keyof States" };
  file.addInterface({
    name: "State",
    isExported: true,
    docs: ["What is kept between calls: weights, moments, counters, random numbers."],
    properties: [{ name: "names", isReadonly: true, type: "readonly (keyof States)[]" }],
    methods: [
      {
        name: "read",
        typeParameters: [name],
        parameters: [{ name: "name", type: "N" }],
        returnType: later("States[N]"),
        docs: ["A copy of a state, after all calls so far."],
      },
      {
        name: "write",
        typeParameters: [name],
        parameters: [
          { name: "name", type: "N" },
          { name: "values", type: "States[N] | Numbers | number" },
        ],
        returnType: "void",
        docs: ["Overwrites a state; a number is for one of a single element."],
      },
      { name: "save", returnType: later("Uint8Array"), docs: ["All states as the bytes of a safetensors file."] },
      {
        name: "load",
        parameters: [{ name: "file", type: "Uint8Array | ArrayBuffer" }],
        returnType: "void",
        docs: ["Takes the states of such a file, all or none. What else is in the file is left alone."],
      },
    ],
  });
}

function addOptions(file: SourceFile, isAsync: boolean): void {
  const optional = (name: string, type: string, doc: string) => {
    return { name, type, docs: [doc], isReadonly: true, hasQuestionToken: true };
  };
  file.addInterface({
    name: "Options",
    isExported: true,
    docs: ["What create() takes, all of it optional."],
    properties: [
      optional(
        "state",
        "Uint8Array | ArrayBuffer",
        "The bytes of a safetensors file to start from, in place of the one beside the module.",
      ),
      optional(
        "load",
        "(file: string) => Promise<Uint8Array | ArrayBuffer>",
        "Reads a file of the module, by its name, where it does not lie beside it.",
      ),
      ...(isAsync
        ? [
            optional("gpu", "object", "Where there is no navigator.gpu: in Node that of the package webgpu."),
            optional("device", "object", "A GPUDevice that is open already; it stays so after dispose()."),
          ]
        : []),
    ],
  });
}

/** TypeScript's own declaration needs a newer library than others here. */
function addHalves(file: SourceFile): void {
  file.addInterface({
    name: "Halves",
    isExported: true,
    extends: ["ArrayLike<number>"],
    docs: ["A Float16Array."],
    properties: [
      { name: "[Symbol.toStringTag]", isReadonly: true, type: '"Float16Array"' },
      { name: "buffer", isReadonly: true, type: "ArrayBufferLike" },
      { name: "byteOffset", isReadonly: true, type: "number" },
      { name: "byteLength", isReadonly: true, type: "number" },
    ],
  });
}
