/**
 * What TypeDoc reads in the sources, as the pages need it: every name that the two entrances export, with its comment, how it is
 * called, and the options or members it has.
 */
import { fileURLToPath } from "node:url";
import {
  Application,
  type Comment,
  type Context,
  Converter,
  type DeclarationReflection,
  type ParameterReflection,
  type ProjectReflection,
  type ReferenceReflection,
  ReflectionKind,
  type SignatureReflection,
  type SomeType,
  TSConfigReader,
} from "typedoc";

export interface Member {
  readonly name: string;
  readonly type: string;
  readonly about: string;
}

export interface Entry {
  readonly name: string;
  /** "dsl/ops.ts". */
  readonly file: string;
  /** "sum(x, options?)", "interface FitOptions"... */
  readonly heads: readonly string[];
  readonly about: string;
  /** Tables under it: the options of a function, by the name of their type, or the members of a class or interface. */
  readonly tables: readonly { readonly title: string; readonly members: readonly Member[] }[];
  /** The type itself, where that is all there is. */
  readonly code: string | null;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

export async function readEntries(): Promise<readonly Entry[]> {
  const app = await Application.bootstrap(
    {
      entryPoints: ["src/index.ts", "src/node.ts"].map((file) => `${root}${file}`),
      tsconfig: `${root}tsconfig.json`,
      skipErrorChecking: true, // by the project's own compiler
      excludeExternals: true,
      excludePrivate: true,
      logLevel: "Error",
    },
    [new TSConfigReader()],
  );
  const words = spelledOut(app);
  const project = await app.convert();
  if (project === undefined) throw new Error("TypeDoc could not read the sources");
  const found = new Map<string, Entry>();
  const seen = new Set<DeclarationReflection>();
  const note = (item: DeclarationReflection, prefix = ""): void => {
    const target = declared(item);
    const name = `${prefix}${item.name}`;
    if (target === null || seen.has(target) || found.has(name)) return;
    seen.add(target);
    found.set(name, entryOf(target, project, words, name));
  };
  const items = (project.children ?? []).flatMap((module) => module.children ?? []);
  const isGroup = (item: DeclarationReflection): boolean => declared(item)?.kind === ReflectionKind.Namespace;
  for (const item of items) if (!isGroup(item)) note(item);
  for (const group of items.filter(isGroup)) {
    for (const item of declared(group)?.children ?? []) note(item, `${group.name}.`);
  }
  return [...found.values()];
}

/** What a name stands for that is exported in two places. */
function declared(item: DeclarationReflection): DeclarationReflection | null {
  if (item.kind !== ReflectionKind.Reference) return item;
  const target = (item as ReferenceReflection).tryGetTargetReflectionDeep();
  return (target as DeclarationReflection | undefined) ?? null;
}

type Words = ReadonlyMap<string, string>;

/** Names that are the keys of a table, as the compiler knows them: TypeDoc has what is written, `keyof typeof losses`. */
function spelledOut(app: Application): Words {
  const words = new Map<string, string>();
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (context: Context, item: DeclarationReflection) => {
    const declared = item.kind === ReflectionKind.TypeAlias ? context.getSymbolFromReflection(item) : undefined;
    const type = declared === undefined ? undefined : context.checker.getDeclaredTypeOfSymbol(declared);
    const names = type?.isUnion() === true ? type.types : [];
    if (names.length === 0) return;
    words.set(item.name, names.flatMap((it) => (it.isStringLiteral() ? [JSON.stringify(it.value)] : [])).join(" | "));
  });
  return words;
}

function codeOf(type: SomeType, words: string | undefined): string {
  return words !== undefined && type.toString().includes("keyof typeof ") ? words : short(type);
}

function fileOf(item: DeclarationReflection): string {
  const source = item.sources?.[0] ?? item.signatures?.[0]?.sources?.[0];
  return (source?.fileName ?? "").replace(/^.*?src\//, "");
}

function entryOf(item: DeclarationReflection, project: ProjectReflection, words: Words, name: string): Entry {
  const base = { name, file: fileOf(item) };
  const signatures = callable(item);
  if (signatures.length > 0) {
    const heads = [...new Set(signatures.map((signature) => callOf(name, signature)))];
    const about = signatures.map(({ comment }) => textOf(comment)).find((text) => text !== "") ?? textOf(item.comment);
    return { ...base, heads, about, tables: optionTables(signatures, project), code: null };
  }
  const isType = item.kind === ReflectionKind.TypeAlias;
  const word =
    item.kind === ReflectionKind.Class
      ? "class"
      : item.kind === ReflectionKind.Interface
        ? "interface"
        : isType
          ? "type"
          : "const";
  const members = membersOf(item);
  return {
    ...base,
    heads: [`${word} ${name}`],
    about: textOf(item.comment),
    tables: members.length > 0 ? [{ title: word === "class" ? "Members" : "", members }] : [],
    code: isType && members.length === 0 && item.type !== undefined ? codeOf(item.type, words.get(item.name)) : null,
  };
}

/** Functions, and constants that are functions. */
function callable(item: DeclarationReflection): readonly SignatureReflection[] {
  if (item.kind === ReflectionKind.Function) return item.signatures ?? [];
  const type = item.kind === ReflectionKind.Variable ? item.type : undefined;
  if (type?.type === "reflection") return type.declaration.signatures ?? [];
  const target = type?.type === "reference" ? (type.reflection as DeclarationReflection | undefined)?.type : undefined;
  return target?.type === "reflection" ? (target.declaration.signatures ?? []) : [];
}

function callOf(name: string, { parameters = [] }: SignatureReflection): string {
  const names = parameters.map((parameter) => {
    const optional = parameter.flags.isOptional || parameter.defaultValue !== undefined;
    const called = parameter.name === "__namedParameters" ? "options" : parameter.name;
    return `${parameter.flags.isRest ? "..." : ""}${called}${optional ? "?" : ""}`;
  });
  return `${name}(${names.join(", ")})`;
}

/** The options of a function: the members of each parameter that is an object of its own or of an interface. */
function optionTables(signatures: readonly SignatureReflection[], project: ProjectReflection): Entry["tables"] {
  const tables = new Map<string, readonly Member[]>();
  for (const { parameters = [], typeParameters = [] } of signatures) {
    for (const parameter of parameters) {
      const bounds = new Map(typeParameters.map(({ name, type }) => [name, type]));
      const target = declarationOf(parameter, bounds, project);
      if (target === null || target.kind === ReflectionKind.Class) continue;
      const members = membersOf(target);
      const title = target.kind === ReflectionKind.TypeLiteral ? parameter.name : target.name;
      if (members.length > 0 && looksLikeOptions(parameter.name, target.name)) tables.set(title, members);
    }
  }
  return [...tables].map(([title, members]) => ({ title, members }));
}

function looksLikeOptions(parameter: string, type: string): boolean {
  return (
    /options|__namedParameters|definition|request|samples|given/i.test(parameter) || /Options|Definition$/.test(type)
  );
}

function declarationOf(
  { type }: ParameterReflection,
  bounds: ReadonlyMap<string, SomeType | undefined>,
  project: ProjectReflection,
): DeclarationReflection | null {
  const bound = type?.type === "reference" ? (bounds.get(type.name) ?? type) : type;
  if (bound?.type === "reflection") return bound.declaration;
  if (bound?.type !== "reference") return null;
  const target = bound.reflection ?? project.getChildByName(bound.name);
  return (target as DeclarationReflection | undefined) ?? null;
}

function membersOf(item: DeclarationReflection): readonly Member[] {
  const own = item.children ?? (item.type?.type === "reflection" ? (item.type.declaration.children ?? []) : []);
  return own.flatMap((child): Member[] => {
    if (child.kind === ReflectionKind.Constructor || child.flags.isPrivate) return [];
    if (child.name === "name" && child.overwrites !== undefined) return []; // an error calls itself what it is
    const signature = child.signatures?.[0] ?? child.getSignature;
    const name =
      signature !== undefined && child.getSignature === undefined ? callOf(child.name, signature) : child.name;
    const type = child.type ?? signature?.type;
    return [
      {
        name: `${name}${child.flags.isOptional ? "?" : ""}`,
        type: type === undefined ? "" : short(type),
        about: textOf(child.comment ?? signature?.comment),
      },
    ];
  });
}

function restNames(type: SomeType): readonly string[] {
  if (type.type === "union") return type.types.flatMap(restNames);
  if (type.type !== "reflection") return [];
  const parameters = (type.declaration.signatures ?? []).flatMap((signature) => signature.parameters ?? []);
  return parameters.filter(({ flags }) => flags.isRest).map(({ name }) => name);
}

/** A type on one line, cut where it would fill a page. */
function short(type: SomeType): string {
  const written = type
    .toString()
    .replace(/\s+/g, " ")
    .replace(/readonly /g, "");
  // TypeDoc leaves the dots of a rest parameter out
  const text = restNames(type).reduce(
    (all, name) => all.replace(new RegExp(`([(,] ?)(${name}: )`), "$1...$2"),
    written,
  );
  return text.length <= 120 ? text : `${text.slice(0, 117)}...`;
}

function textOf(comment: Comment | undefined): string {
  return (comment?.summary ?? [])
    .map(({ text }) => text)
    .join("")
    .trim();
}
