/** Code in colours, to read: CodeMirror, which stays fast with long texts, and is searched and copied from by keyboard. */
import { defaultKeymap } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { wast } from "@codemirror/lang-wast";
import { HighlightStyle, StreamLanguage, syntaxHighlighting } from "@codemirror/language";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, type Extension, RangeSetBuilder } from "@codemirror/state";
import { Decoration, type DecorationSet, drawSelection, EditorView, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { h } from "./dom.ts";

export type Language = "js" | "ts" | "wgsl" | "wasm" | "kernel" | "graph" | "bytes";

export interface CodeViewer {
  readonly element: HTMLElement;
  /** Shows a text; lines that do not stand in `before` are marked. */
  show(text: string, before: string | null, language?: Language): void;
  /** Marks lines, which count from 1, and brings the first into sight. */
  mark(lines: ReadonlySet<number>, chosen: number | null): void;
}

export interface CodeOptions {
  readonly label?: string;
  /** Told of the line that was clicked, or that Enter was pressed in. */
  readonly onLine?: (line: number) => void;
}

export function codeViewer(language: Language, { label = "code", onLine }: CodeOptions = {}): CodeViewer {
  const element = h("div", { class: "code" });
  const [lines, languages] = [new Compartment(), new Compartment()];
  const nonce = document.querySelector<HTMLElement>("script[nonce]")?.nonce ?? "";
  const lineAt = (view: EditorView, at: number): number => view.state.doc.lineAt(at).number;
  const view = new EditorView({
    parent: element,
    extensions: [
      EditorView.cspNonce.of(nonce),
      lineNumbers(),
      drawSelection(),
      EditorView.lineWrapping,
      EditorState.readOnly.of(true),
      EditorView.contentAttributes.of({ "aria-label": label, "aria-readonly": "true" }),
      search({ top: true }),
      highlightSelectionMatches(),
      keymap.of([
        ...(onLine === undefined
          ? []
          : [{ key: "Enter", run: (one: EditorView) => tell(onLine, lineAt(one, one.state.selection.main.head)) }]),
        ...searchKeymap,
        ...defaultKeymap,
      ]),
      EditorView.domEventHandlers({
        click(event, one) {
          const at = one.posAtCoords({ x: event.clientX, y: event.clientY });
          if (at !== null && onLine !== undefined) onLine(lineAt(one, at));
        },
      }),
      syntaxHighlighting(colours),
      lines.of([]),
      languages.of(languageOf(language)),
    ],
  });
  const decorate = (of: (line: number) => string | null, scrollTo: number | null): void => {
    const { doc } = view.state;
    const made = new RangeSetBuilder<Decoration>();
    for (let line = 1; line <= doc.lines; line++) {
      const name = of(line);
      const { from } = doc.line(line);
      if (name !== null) made.add(from, from, Decoration.line({ class: name }));
    }
    const set: DecorationSet = made.finish();
    const at = scrollTo === null || scrollTo > doc.lines ? null : doc.line(scrollTo).from;
    view.dispatch({
      effects: [
        lines.reconfigure(EditorView.decorations.of(set)),
        ...(at === null ? [] : [EditorView.scrollIntoView(at, { y: "center" })]),
      ],
    });
  };
  return {
    element,
    show(text, before, other = language) {
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: text },
        effects: languages.reconfigure(languageOf(other)),
      });
      const isNew = before === null ? () => false : newLines(text, before);
      const count = view.state.doc.lines;
      const first = before === null ? null : Array.from({ length: count }, (_, i) => i + 1).find(isNew);
      decorate((line) => (isNew(line) ? "cm-new" : null), first ?? 1);
    },
    mark(marked, chosen) {
      const first = marked.size === 0 ? null : Math.min(...marked);
      decorate((line) => (line === chosen ? "cm-chosen" : marked.has(line) ? "cm-made" : null), chosen ?? first);
    },
  };
}

function tell(onLine: (line: number) => void, line: number): boolean {
  onLine(line);
  return true;
}

/** Lines of a text that another has not, or not as often. */
function newLines(text: string, before: string): (line: number) => boolean {
  const left = new Map<string, number>();
  for (const line of before.split("\n")) left.set(line.trim(), (left.get(line.trim()) ?? 0) + 1);
  const found = new Set<number>();
  for (const [i, line] of text.split("\n").entries()) {
    const count = left.get(line.trim()) ?? 0;
    if (count === 0) found.add(i + 1);
    else left.set(line.trim(), count - 1);
  }
  return (line) => found.has(line);
}

function languageOf(language: Language): Extension {
  switch (language) {
    case "js":
      return javascript();
    case "ts":
      return javascript({ typescript: true });
    case "wasm":
      return wast();
    case "wgsl":
      return wordLanguage(
        "fn let var const return if else for while loop break continue struct switch case default enable override discard true false",
        "f32 f16 i32 u32 bool vec2 vec3 vec4 vec2f vec3f vec4f vec2u vec4u mat2x2 mat4x4 array atomic ptr storage uniform workgroup function private read_write read write",
      );
    case "kernel":
      return wordLanguage(
        "kernel parallel thread workgroup invocation let var fold over of if store for lane unrolled interleaved serial barrier exchange shared prelude load launch copy loop at to select",
        "f32 f64 f16 bf16 i32 u32 u8 bool sum max min argMax argMin",
      );
    case "graph":
      return wordLanguage(
        "entry output next group stored launch copy loop while test if else to as",
        "f32 f64 f16 bf16 i32 u32 u8 bool contract map row run",
      );
    case "bytes":
      return StreamLanguage.define<null>({
        startState: () => null,
        token(stream) {
          if (stream.sol() && stream.match(/^[\da-f]{5}[\da-f. ]{1,36}/)) return "comment";
          if (stream.match(/^(?:local|global)\.\w+/)) return "variableName.special";
          if (stream.match(/^[a-z]\w*\.[\w.]+/)) return "typeName";
          if (stream.match(/^(?:loop|block|if|else|end|br|br_if|call|return|func)\b/)) return "keyword";
          if (stream.match(/^-?(?:0x[\da-f]+|\d[\d.e+-]*)/)) return "number";
          stream.next();
          return null;
        },
      });
  }
}

/** A language of words, numbers and comments: as much as colours need. */
function wordLanguage(words: string, types: string): Extension {
  const [isWord, isType] = [new Set(words.split(" ")), new Set(types.split(" "))];
  return StreamLanguage.define<null>({
    startState: () => null,
    token(stream) {
      if (stream.match("//")) {
        stream.skipToEnd();
        return "comment";
      }
      if (stream.match(/^[@%][\w]+/)) return "variableName.special";
      if (stream.match(/^"(?:[^"\\]|\\.)*"/)) return "string";
      if (stream.match(/^-?(?:0x[\da-fA-F]+|\d+\.?\d*(?:e[-+]?\d+)?)[fiuh]?\b/)) return "number";
      const word = stream.match(/^[A-Za-z_]\w*/);
      if (word === null || typeof word === "boolean") {
        stream.next();
        return null;
      }
      if (isWord.has(word[0])) return "keyword";
      return isType.has(word[0]) ? "typeName" : "variableName";
    },
  });
}

/** Colours are those of the page, so that they turn with it. */
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.controlKeyword, tags.definitionKeyword, tags.modifier], color: "var(--code-word)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--code-string)" },
  { tag: [tags.comment, tags.lineComment, tags.blockComment], color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [tags.typeName, tags.className, tags.namespace], color: "var(--code-type)" },
  { tag: [tags.function(tags.variableName), tags.propertyName], color: "var(--code-name)" },
  { tag: tags.special(tags.variableName), color: "var(--code-number)" },
]);
