/**
 * Nothing that is escaped gets out of its quotes. The referees are the readers themselves where there is one: Graphviz, the
 * XML parser of resvg, JSON.parse, the JavaScript engine; for WGSL a scanner of its nested comments.
 */
import { deepStrictEqual, doesNotMatch, match, strictEqual } from "node:assert/strict";
import { Graphviz } from "@hpcc-js/wasm-graphviz";
import fc from "fast-check";
import { commentText, dotString, htmlText, scriptJson, xmlText } from "../../codegen/escape.ts";
import { loadResvg } from "../../src/tools/cli/render.ts";
import { type Property, property } from "./property.ts";

const nasty = [
  '"',
  "'",
  "\\",
  "<",
  ">",
  "&",
  ";",
  "*",
  "/",
  "\n",
  "\r",
  "\t",
  "\0",
  "\u2028",
  "\u0085",
  "\ud800",
  "é",
  "😀",
  "a",
];
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: fc.constantFrom(...nasty), maxLength: 12 }),
  fc.constantFrom("", "*/", "/*", "/*/", "</script>", "<!--", "]]>", "&lt;", "\\N\\G\\L", "<b>x</b>", "#{x}", "\\"),
);

/** What every language is given of a text: what cannot be written at all is replaced. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g;
const writable = (from: string): string => from.replace(unwritable, "\ufffd").replace(/\p{Surrogate}/gu, "\ufffd");

const oneLine = (from: string): string => writable(from).replace(/[\t\r\n]/g, " ");

const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };

const escapes = [
  { name: "xmlText", escaped: xmlText, expected: oneLine },
  { name: "htmlText", escaped: htmlText, expected: writable },
];

/** The properties; `readers` are loaded once. */
export function escapeProperties({ graphviz, parseXml }: Readers): readonly Property[] {
  const nameIn = (words: string): unknown => {
    const dot = `digraph { ${dotString(words)} [label=${dotString(words)} tooltip=${dotString(words)}]; after; }`;
    return JSON.parse(graphviz.layout(dot, "dot_json", "dot"));
  };
  return [
    property(
      "a DOT string ends where it ends, and holds the text",
      1000,
      fc.property(text, (words) => {
        match(dotString(words), /^"(?:[^"\\\n\r]|\\[\\"])*"$/u);
        strictEqual(dotString(words).slice(1, -1).replace(/\\(.)/g, "$1"), oneLine(words));
      }),
    ),
    property(
      "Graphviz reads a DOT string as one name, and what follows as what follows",
      300,
      fc.property(text, (words) => {
        const { objects } = nameIn(words) as { readonly objects: readonly { readonly name: string }[] };
        const name = dotString(words).slice(1, -1).replace(/\\"/g, '"'); // other escapes are those of labels
        const names = objects.map((object) => object.name);
        deepStrictEqual(names, name === "after" ? ["after"] : [name, "after"]);
      }),
    ),
    ...escapes.map(({ name, escaped, expected }) =>
      property(
        `${name} holds the text, and no mark of markup`,
        1000,
        fc.property(text, (words) => {
          match(escaped(words), /^(?:[^<>"'&]|&(?:amp|lt|gt|quot|#39);)*$/u);
          const decoded = escaped(words).replace(/&(#39|\w+);/g, (found, entity) => entities[entity] ?? found);
          strictEqual(decoded, expected(words));
        }),
      ),
    ),
    property(
      "an XML parser accepts escaped text, as text and in both kinds of quotes",
      300,
      fc.property(text, (words) => {
        const escaped = xmlText(words);
        parseXml(`<g id="${escaped}" class='${escaped}'><title>${escaped}</title></g>`);
      }),
    ),
    property(
      "JSON for a script is read back, and no < is in it",
      1000,
      fc.property(fc.oneof(fc.jsonValue({ stringUnit: "binary" }), fc.dictionary(text, text)), (given) => {
        const written = scriptJson(given);
        doesNotMatch(written, /[<>&\u2028\u2029]/);
        strictEqual(JSON.stringify(JSON.parse(written)), JSON.stringify(given));
      }),
    ),
    property(
      "comments of JavaScript end where they end",
      1000,
      fc.property(text, (words) => {
        const safe = commentText(words);
        strictEqual(new Function(`// ${safe}\nreturn 1;`)(), 1);
        strictEqual(new Function(`/* ${safe} */ return 1;`)(), 1);
      }),
    ),
    property(
      "comments of WGSL, which nest, end where they end",
      1000,
      fc.property(text, (words) => {
        const safe = commentText(words);
        doesNotMatch(safe, /[\n\v\f\r\u0085\u2028\u2029\0]/);
        strictEqual(afterComment(`/* ${safe} */ rest`), " rest");
      }),
    ),
  ];
}

/** What reads DOT and XML for us. */
export interface Readers {
  readonly graphviz: Graphviz;
  /** Throws where the inside of an SVG is not well-formed. */
  readonly parseXml: (inside: string) => void;
}

export async function loadReaders(): Promise<Readers> {
  const Resvg = await loadResvg();
  const head = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4">';
  return { graphviz: await Graphviz.load(), parseXml: (inside) => new Resvg(`${head}${inside}</svg>`).free() };
}

/** What follows a block comment of WGSL. */
function afterComment(source: string): string {
  let depth = 0;
  for (let at = 0; at < source.length; ) {
    const two = source.slice(at, at + 2);
    if (two === "/*" || two === "*/") {
      depth += two === "/*" ? 1 : -1;
      at += 2;
      if (depth === 0) return source.slice(at);
    } else at += 1;
  }
  return `not closed: ${source}`;
}
