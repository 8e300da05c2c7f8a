/**
 * Text that others chose (names of states, files, devices), made safe for the language it is written into. One function
 * per language; nothing else in the project builds quoted text.
 *
 *   DOT         "..."                             dotString('a"b')      ->  "a\"b"      with its quotes
 *   XML         text or "..." in SVG and in the
 *               HTML-like labels of DOT           xmlText("a<b")        ->  a&lt;b
 *   HTML        text or "..." or '...'            htmlText("a<b")       ->  a&lt;b
 *   JSON        inside <script>, for JSON.parse   scriptJson({ a: 1 })  ->  {"a":1}     never with a <
 *   Mermaid     inside "..."                      mermaidText("a<b")     ->  a#lt;b
 *   comments    of JavaScript, WGSL and C         commentText("a *\/")  ->  a * /       for // and for both ends of /* *\/
 *
 * Characters that a language cannot hold at all (half a surrogate pair, most control characters) become U+FFFD.
 */

/** What XML 1.0 has no way to write, DOT cannot hold, and a browser would replace. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]|\p{Surrogate}/gu;

function writable(text: string): string {
  return text.replace(unwritable, "\ufffd");
}

/** A quoted string of DOT. A label shows it as it is, but for line breaks and tabs, which become spaces. */
export function dotString(text: string): string {
  const escaped = writable(text)
    .replace(/[\t\r\n]/g, " ")
    .replace(/\\/g, "\\\\")
    .replace(/"/g, '\\"');
  return `"${escaped}"`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text of an element, or of an attribute in either kind of quotes. Line breaks and tabs become spaces. */
export function xmlText(text: string): string {
  return writable(text)
    .replace(/[\t\r\n]/g, " ")
    .replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

/** The same for HTML, which keeps line breaks. */
export function htmlText(text: string): string {
  return writable(text).replace(/[&<>"']/g, (char) => entities[char] ?? char);
}

/**
 * Text of a quoted label of a Mermaid flowchart, which shows it as it is: labels are HTML and Markdown there, $$ opens a formula, %%{
 * a setting, `fa:` an icon. What may mean something becomes an entity, by its number. Line breaks and tabs become spaces.
 */
export function mermaidText(text: string): string {
  return writable(text)
    .replace(/[\t\r\n]/g, " ")
    .replace(
      /[&<>"'#;:{}$`\\*~@!|]|%(?=%)|(?<=%)%|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=\])\(|(?<=www)\./gi,
      mermaidEntity,
    );
}

const mermaidNames: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot" };

function mermaidEntity(char: string): string {
  return `#${mermaidNames[char] ?? char.charCodeAt(0)};`;
}

/** A value as JSON that may stand in a <script>, and that JSON.parse reads back. */
export function scriptJson(value: unknown): string {
  const text = JSON.stringify(value) ?? "null";
  return text.replace(/[<>&\u2028\u2029]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/**
 * One line for a comment of JavaScript, TypeScript, WGSL or C, after "// " or between "/* " and " *\/". Their line breaks
 * become spaces; nothing in it opens or closes a comment (those of WGSL nest).
 */
export function commentText(text: string): string {
  return writable(text)
    .replace(/[\t\r\n\u2028\u2029]/g, " ")
    .replace(/\*(?=\/)|\/(?=\*)/g, "$& ");
}
