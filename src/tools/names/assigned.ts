/**
 * Where the value of a call goes, read from the syntax around it and from nothing else: no types, no other file.
 *
 *   const hidden = relu(x)                     "hidden"
 *   hs.push(relu(x)), hs[i] = relu(x)          an element of "hs"
 *   const { a, c: b } = f(x)                   "a" at the path a, "b" at the path c
 *   const parts = { a: relu(x) }               "a", as what it is part of is seldom the better name
 *   return { loss: mean(x) }                   returned, at the path loss: who called the function knows more
 *   const y = relu(x); return y                "y", and returned at the empty path
 *   relu(add(x, y))                            nothing for the add: it is an operand, and has no name
 */
import type { TypeScript, ts } from "./typescript.ts";

/** Where in a value, from outside inwards: `a[0].b` is ["a", 0, "b"] without its variable. */
export type Path = readonly (string | number)[];

export interface Assigned {
  /** The variable, or the innermost property; null where there is none. */
  readonly name: string | null;
  /** The value is one of several in what is called so. */
  readonly isElement: boolean;
  /** Where it stands in what the function around it returns; null where it is not returned. */
  readonly returned: Path | null;
  /** Into how many parts a pattern `[a, b] = ` takes the value itself; null where there is no such pattern. */
  readonly parts: number | null;
}

const nowhere: Assigned = { name: null, isElement: false, returned: null, parts: null };

/** Where the part of an expression's value at `path` goes. */
export function assigned(ts: TypeScript, expression: ts.Expression, path: Path): Assigned {
  let node: ts.Node = expression;
  let at = path;
  for (;;) {
    const { parent } = node;
    if (isSameValue(ts, parent, node)) node = parent;
    else if (ts.isPropertyAssignment(parent) && parent.initializer === node) {
      const key = keyOf(ts, parent.name);
      if (key === null) return nowhere;
      [node, at] = [parent.parent, [key, ...at]];
    } else if (ts.isArrayLiteralExpression(parent)) {
      const elements: readonly ts.Node[] = parent.elements;
      const place = elements.indexOf(node);
      if (elements.slice(0, place).some(ts.isSpreadElement)) return nowhere;
      [node, at] = [parent, [place, ...at]];
    } else if (ts.isReturnStatement(parent)) return { ...nowhere, returned: at };
    else if (ts.isArrowFunction(parent) && parent.body === node) return { ...nowhere, returned: at };
    else if (ts.isCallExpression(parent)) {
      const [name, isElement] = keptBy(ts, parent, node);
      if (name === null) return nowhere;
      const found = called(name, at, isElement);
      const receiver = isElement ? name : null;
      return receiver === null ? found : { ...found, returned: returnedAs(ts, parent, receiver, at) };
    } else {
      const target = targetOf(ts, parent, node);
      return target === null ? nowhere : within(ts, target, at);
    }
  }
}

/** Parentheses, `as`, `!`, `satisfies`, `await`, a choice: what they give is what they are given. */
function isSameValue(ts: TypeScript, parent: ts.Node, node: ts.Node): boolean {
  if (ts.isConditionalExpression(parent)) return parent.condition !== node;
  if (ts.isBinaryExpression(parent)) {
    const { operatorToken, left } = parent;
    const { QuestionQuestionToken, BarBarToken, AmpersandAmpersandToken, CommaToken } = ts.SyntaxKind;
    const isChoice = operatorToken.kind === QuestionQuestionToken || operatorToken.kind === BarBarToken;
    return isChoice || ([AmpersandAmpersandToken, CommaToken].includes(operatorToken.kind) && left !== node);
  }
  return (
    ts.isParenthesizedExpression(parent) ||
    ts.isAsExpression(parent) ||
    ts.isSatisfiesExpression(parent) ||
    ts.isNonNullExpression(parent) ||
    ts.isTypeAssertionExpression(parent) ||
    ts.isAwaitExpression(parent)
  );
}

/** What is assigned to: a variable, a pattern, a property. */
function targetOf(ts: TypeScript, parent: ts.Node, value: ts.Node): ts.Node | null {
  const isInitial =
    ts.isVariableDeclaration(parent) ||
    ts.isPropertyDeclaration(parent) ||
    ts.isBindingElement(parent) ||
    ts.isParameter(parent);
  if (isInitial) return parent.initializer === value ? parent.name : null;
  const isAssignment = ts.isBinaryExpression(parent) && parent.right === value;
  return isAssignment && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken ? parent.left : null;
}

/** What a target calls the part at `path` of what it is given. */
function within(ts: TypeScript, target: ts.Node, path: Path): Assigned {
  const [first, ...rest] = path;
  if (ts.isIdentifier(target) || ts.isPrivateIdentifier(target)) {
    const name = target.text.replace(/^#/, "");
    return { ...called(name, path, false), returned: returnedAs(ts, target, name, path) };
  }
  if (ts.isPropertyAccessExpression(target)) return called(target.name.text.replace(/^#/, ""), path, false);
  if (ts.isElementAccessExpression(target)) {
    const { argumentExpression: key, expression } = target;
    if (ts.isStringLiteralLike(key)) return called(key.text, path, false);
    if (ts.isNumericLiteral(key)) {
      const name = lastName(ts, expression);
      return name === null ? nowhere : called(name, [Number(key.text), ...path], false);
    }
    const name = lastName(ts, expression);
    return name === null ? nowhere : { ...called(name, path, true), returned: returnedAs(ts, target, name, path) };
  }
  if (ts.isArrayBindingPattern(target) || ts.isArrayLiteralExpression(target)) {
    if (first === undefined) return { ...nowhere, parts: target.elements.length };
    const element = typeof first === "number" ? target.elements[first] : undefined;
    return element === undefined ? nowhere : withinElement(ts, element, rest);
  }
  if (ts.isObjectBindingPattern(target)) {
    const element = target.elements.find(({ propertyName, name }) => keyOf(ts, propertyName ?? name) === first);
    return element === undefined ? nowhere : withinElement(ts, element, rest);
  }
  if (ts.isObjectLiteralExpression(target)) {
    for (const property of target.properties) {
      if (property.name === undefined || keyOf(ts, property.name) !== first) continue;
      if (ts.isShorthandPropertyAssignment(property)) return within(ts, property.name, rest);
      if (ts.isPropertyAssignment(property)) return withinElement(ts, property.initializer, rest);
    }
  }
  return nowhere;
}

/** An element of a pattern; behind `=` may stand what is taken in its absence. */
function withinElement(ts: TypeScript, element: ts.Node, path: Path): Assigned {
  if (ts.isBindingElement(element)) return within(ts, element.name, path);
  return within(ts, ts.isBinaryExpression(element) ? element.left : element, path);
}

/** The part of `name` at a path: by its own key, or by its number behind the name. */
function called(name: string, path: Path, isElement: boolean): Assigned {
  const last = path.findLastIndex((key) => typeof key === "string");
  const parts = path.slice(last + 1);
  return { ...nowhere, name: [last < 0 ? name : path[last], ...parts].join("_"), isElement };
}

/** What a call keeps its argument as: `hs.push(x)` as an element of hs, `found.set("key", x)` as key. */
function keptBy(
  ts: TypeScript,
  { expression, arguments: args }: ts.CallExpression,
  value: ts.Node,
): [string | null, boolean] {
  if (!ts.isPropertyAccessExpression(expression)) return [null, false];
  const method = expression.name.text;
  if (method === "push" || method === "unshift") return [lastName(ts, expression.expression), true];
  const [key] = args;
  const isKey = method === "set" && key !== undefined && key !== value && ts.isStringLiteralLike(key);
  return [isKey ? key.text : null, false];
}

/** `a.b.hs` is called hs. */
function lastName(ts: TypeScript, expression: ts.Expression): string | null {
  if (ts.isIdentifier(expression)) return expression.text;
  if (ts.isPropertyAccessExpression(expression)) return expression.name.text.replace(/^#/, "");
  return null;
}

function keyOf(ts: TypeScript, name: ts.Node): string | number | null {
  if (ts.isIdentifier(name) || ts.isStringLiteralLike(name)) return name.text;
  return ts.isNumericLiteral(name) ? Number(name.text) : null;
}

/** Where the function around `inside` returns the variable `name`, and in it what lies at `path`; null where it does not. */
function returnedAs(ts: TypeScript, inside: ts.Node, name: string, path: Path): Path | null {
  const around = ts.findAncestor(inside, ts.isFunctionLike);
  const body = around === undefined || !("body" in around) ? undefined : around.body;
  if (body === undefined) return null;
  let found: Path | null = null;
  const visit = (node: ts.Node): void => {
    if (found !== null || ts.isFunctionLike(node)) return;
    if (ts.isReturnStatement(node) && node.expression !== undefined) found = placeIn(ts, node.expression, name);
    else ts.forEachChild(node, visit);
  };
  ts.forEachChild(body, visit);
  return found === null ? null : [...(found as Path), ...path];
}

/** Where a variable stands in what is returned: `{ h, all: [x, y] }` has y at ["all", 1]. */
function placeIn(ts: TypeScript, expression: ts.Expression, name: string): Path | null {
  if (ts.isIdentifier(expression)) return expression.text === name ? [] : null;
  if (ts.isArrayLiteralExpression(expression)) {
    return firstPlace(expression.elements.map((element, i) => [i, placeIn(ts, element, name)]));
  }
  if (ts.isObjectLiteralExpression(expression)) {
    return firstPlace(
      expression.properties.map((property) => {
        if (ts.isShorthandPropertyAssignment(property)) {
          return [property.name.text, property.name.text === name ? [] : null];
        }
        const isValue = ts.isPropertyAssignment(property);
        return isValue ? [keyOf(ts, property.name), placeIn(ts, property.initializer, name)] : [null, null];
      }),
    );
  }
  const isWrapped =
    ts.isParenthesizedExpression(expression) || ts.isAsExpression(expression) || ts.isSatisfiesExpression(expression);
  return isWrapped ? placeIn(ts, expression.expression, name) : null;
}

function firstPlace(places: readonly (readonly [key: string | number | null, inner: Path | null])[]): Path | null {
  for (const [key, inner] of places) if (key !== null && inner !== null) return [key, ...inner];
  return null;
}
