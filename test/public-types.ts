/** Types that a package's declarations name in public, and do not export. */
import ts from "typescript-5.9";

/**
 * By name, with the way from an export to the place that names it. What a conditional or mapped type is computed with is seen by
 * nobody, nor is a mapped type that an interface extends, whose members are its own then, and what we construct is constructed by nobody else; `opaque` types may be named, and what they hold is not looked at.
 */
export function unexportedTypes(
  dist: string,
  entries: readonly string[],
  opaque: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const program = ts.createProgram(entries, {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    lib: ["lib.es2022.d.ts"],
    types: [],
  });
  const checker = program.getTypeChecker();
  const original = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const exported = new Set<ts.Symbol>();
  for (const entry of entries) {
    const file = program.getSourceFile(entry);
    const module = file === undefined ? undefined : checker.getSymbolAtLocation(file);
    for (const symbol of module === undefined ? [] : checker.getExportsOfModule(module)) exported.add(original(symbol));
  }
  const missing = new Map<string, string>();
  const isOurs = (symbol: ts.Symbol): boolean =>
    !(symbol.flags & ts.SymbolFlags.TypeParameter) &&
    (symbol.declarations ?? []).some((declaration) => declaration.getSourceFile().fileName.startsWith(dist));

  const look = (node: ts.Node, way: string): void => {
    if (ts.isConditionalTypeNode(node) || ts.isMappedTypeNode(node) || ts.isConstructorDeclaration(node)) return;
    const isPrivate = ts.isPropertyDeclaration(node) && ts.isPrivateIdentifier(node.name);
    if (isPrivate) return;
    const name = namedBy(node);
    const symbol = name === undefined ? undefined : checker.getSymbolAtLocation(name);
    const found = symbol === undefined ? undefined : original(symbol);
    const isComputed = ts.isExpressionWithTypeArguments(node) && found !== undefined && isMapped(found);
    if (found !== undefined && isOurs(found) && !exported.has(found) && !isComputed) missing.set(found.name, way);
    ts.forEachChild(node, (child) => look(child, way));
  };
  for (const symbol of exported) {
    if (opaque.has(symbol.name)) continue;
    for (const declaration of symbol.declarations ?? []) look(declaration, symbol.name);
  }
  return missing;
}

function isMapped({ declarations = [] }: ts.Symbol): boolean {
  return declarations.some((it) => ts.isTypeAliasDeclaration(it) && ts.isMappedTypeNode(it.type));
}

function namedBy(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName;
  if (ts.isExpressionWithTypeArguments(node)) return node.expression;
  return ts.isImportTypeNode(node) ? node.qualifier : undefined;
}
