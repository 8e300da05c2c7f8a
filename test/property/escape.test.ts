/**
 * Nothing that is escaped gets out of its quotes. The referees are the readers themselves where there is one: Graphviz, the
 * XML parser of resvg, JSON.parse, the JavaScript engine; for WGSL a scanner of its nested comments.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { Graphviz } from "@hpcc-js/wasm-graphviz";
import { initWasm, Resvg } from "@resvg/resvg-wasm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commentText, dotString, htmlText, scriptJson, xmlText } from "../../codegen/escape.ts";

const runs = Number(process.env.TENSORLOOM_FUZZ_RUNS ?? 1000);
const timeout = 60_000 + 10 * runs;

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

const holds = (property: fc.IProperty<[string]>, numRuns = runs): void => fc.assert(property, { numRuns });

/** What every language is given of a text: what cannot be written at all is replaced. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g;
const writable = (from: string): string => from.replace(unwritable, "\ufffd").replace(/\p{Surrogate}/gu, "\ufffd");

const oneLine = (from: string): string => writable(from).replace(/[\t\r\n]/g, " ");

describe("DOT", () => {
  test(
    "a string ends where it ends, and holds the text",
    () => {
      const decode = (quoted: string): string => quoted.slice(1, -1).replace(/\\(.)/g, "$1");
      holds(
        fc.property(text, (words) => {
          expect(dotString(words)).toMatch(/^"(?:[^"\\\n\r]|\\[\\"])*"$/u);
          expect(decode(dotString(words))).toBe(oneLine(words));
        }),
      );
    },
    timeout,
  );

  test(
    "Graphviz reads it as one name, and what follows as what follows",
    async () => {
      const graphviz = await Graphviz.load();
      const read = (words: string): unknown => {
        const dot = `digraph { ${dotString(words)} [label=${dotString(words)} tooltip=${dotString(words)}]; after; }`;
        return JSON.parse(graphviz.layout(dot, "dot_json", "dot"));
      };
      holds(
        fc.property(text, (words) => {
          const { objects } = read(words) as { readonly objects: readonly { readonly name: string }[] };
          const name = dotString(words).slice(1, -1).replace(/\\"/g, '"'); // other escapes are those of labels
          expect(objects.map((object) => object.name)).toEqual(name === "after" ? ["after"] : [name, "after"]);
        }),
        Math.min(runs, 300),
      );
    },
    timeout,
  );
});

describe("XML and HTML", () => {
  const decoded: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
  const decode = (escaped: string): string => escaped.replace(/&(#39|\w+);/g, (found, name) => decoded[name] ?? found);

  test.each([
    ["xmlText", xmlText, oneLine],
    ["htmlText", htmlText, writable],
  ])(
    "%s holds the text, and no mark of markup",
    (_, escaped, expected) => {
      holds(
        fc.property(text, (words) => {
          expect(escaped(words)).toMatch(/^(?:[^<>"'&]|&(?:amp|lt|gt|quot|#39);)*$/u);
          expect(decode(escaped(words))).toBe(expected(words));
        }),
      );
    },
    timeout,
  );

  test(
    "an XML parser accepts it, as text and in both kinds of quotes",
    async () => {
      await initWasm(readFileSync(createRequire(import.meta.url).resolve("@resvg/resvg-wasm/index_bg.wasm")));
      const head = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4">';
      const parse = (inside: string): void => new Resvg(`${head}${inside}</svg>`).free();
      expect(() => parse("<title>a < b</title>")).toThrow();
      holds(
        fc.property(text, (words) => {
          const escaped = xmlText(words);
          parse(`<g id="${escaped}" class='${escaped}'><title>${escaped}</title></g>`);
        }),
        Math.min(runs, 300),
      );
    },
    timeout,
  );
});

test(
  "JSON for a script is read back, and no < is in it",
  () => {
    const value = fc.jsonValue({ stringUnit: "binary" });
    fc.assert(
      fc.property(fc.oneof(value, fc.dictionary(text, text)), (given) => {
        const written = scriptJson(given);
        expect(written).not.toMatch(/[<>&\u2028\u2029]/);
        expect(JSON.stringify(JSON.parse(written))).toBe(JSON.stringify(given));
      }),
      { numRuns: runs },
    );
    expect(scriptJson(undefined)).toBe("null");
  },
  timeout,
);

describe("comments", () => {
  test(
    "of JavaScript end where they end",
    () => {
      holds(
        fc.property(text, (words) => {
          const safe = commentText(words);
          expect(new Function(`// ${safe}\nreturn 1;`)()).toBe(1);
          expect(new Function(`/* ${safe} */ return 1;`)()).toBe(1);
        }),
      );
    },
    timeout,
  );

  test(
    "of WGSL, which nest, too",
    () => {
      holds(
        fc.property(text, (words) => {
          const safe = commentText(words);
          expect(safe).not.toMatch(/[\n\v\f\r\u0085\u2028\u2029\0]/);
          expect(afterComment(`/* ${safe} */ rest`)).toBe(" rest");
        }),
      );
    },
    timeout,
  );
});

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
