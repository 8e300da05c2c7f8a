/**
 * Writes docs/reference from the doc comments of everything that is exported, or says what is missing there.
 *
 *   npm run reference              writes the pages
 *   npm run reference -- --check   fails where a name has no page, no comment, or a page is not what would be written
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Entry, type Member, readEntries } from "./model.ts";
import { type Page, pages } from "./pages.ts";

const folder = fileURLToPath(new URL("../reference/", import.meta.url));

const entries = await readEntries();
const written = new Map<string, string>([["README.md", contents()]]);
for (const page of pages) written.set(`${page.file}.md`, pageText(page));

if (process.argv.includes("--check")) check();
else {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of written) writeFileSync(`${folder}${file}`, text);
  console.log(`${entries.length} names on ${pages.length} pages are in docs/reference.`);
  for (const problem of gaps()) console.log(problem);
}

function pageOf({ name, file }: Entry): Page | undefined {
  const fits = (what: string | RegExp, text: string): boolean =>
    typeof what === "string" ? what === text : what.test(text);
  // a name's own page first: a loss is written where other operations are
  const byName = pages.find(({ from }) => from.some((what) => typeof what !== "string" && what.test(name)));
  return byName ?? pages.find(({ from }) => from.some((what) => fits(what, file)));
}

function namesOf(page: Page): readonly Entry[] {
  const own = entries.filter((entry) => pageOf(entry) === page);
  const isType = ({ heads }: Entry): boolean => /^(type|interface) /.test(heads[0] ?? "");
  // what one calls first, then the types
  return own.toSorted((a, b) => Number(isType(a)) - Number(isType(b)) || a.name.localeCompare(b.name, "en"));
}

function contents(): string {
  const lines = pages.map(({ file, title, about }) => `| [${title}](${file}.md) | ${about} |`);
  return `# Reference\n\nEvery name that \`tensorloom\` and \`tensorloom/node\` export. Made from the comments in the sources by \`npm run reference\`.\n\n| page | |\n| --- | --- |\n${lines.join("\n")}\n`;
}

function pageText(page: Page): string {
  const own = namesOf(page);
  const anchors = anchorsOf(own);
  const index = own.map((entry) => `[\`${entry.name}\`](${anchors.get(entry)})`).join(" · ");
  // Options are told of under the first function that takes them.
  const users = new Map<string, Entry>();
  for (const entry of own)
    for (const { title } of entry.tables) if (title !== "" && !users.has(title)) users.set(title, entry);
  const texts = own.map((entry) => {
    const user = users.get(entry.name);
    return entryText(entry, user === undefined ? null : `The options of [\`${user.name}\`](${anchors.get(user)}).`);
  });
  return `# ${page.title}\n\n${page.about}\n\n${index}\n\n${texts.join("\n")}`;
}

/** Of two headings that differ by case alone, the second has a number behind its anchor. */
function anchorsOf(own: readonly Entry[]): ReadonlyMap<Entry, string> {
  const seen = new Map<string, number>();
  return new Map(
    own.map((entry) => {
      const word = entry.name.toLowerCase();
      const before = seen.get(word) ?? 0;
      seen.set(word, before + 1);
      return [entry, before === 0 ? `#${word}` : `#${word}-${before}`];
    }),
  );
}

/** `elsewhere` stands in place of tables that are somewhere else on the page. */
function entryText({ name, heads, about, tables, code }: Entry, elsewhere: string | null): string {
  const parts = [`## ${name}\n`, `\`\`\`ts\n${heads.join("\n")}${code === null ? "" : ` = ${code}`}\n\`\`\`\n`];
  if (about !== "") parts.push(`${about}\n`);
  if (elsewhere !== null) parts.push(`${elsewhere}\n`);
  else for (const { title, members } of tables) parts.push(tableText(title, members));
  return parts.join("\n");
}

function tableText(title: string, members: readonly Member[]): string {
  const cell = (text: string): string => text.replace(/\s*\n\s*/g, " ").replaceAll("|", "\\|");
  const rows = members.map(
    ({ name, type, about }) => `| \`${cell(name)}\` | ${type === "" ? "" : `\`${cell(type)}\``} | ${cell(about)} |`,
  );
  return `| ${title === "" ? "" : `\`${title}\``} | type | |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
}

/** What a reader would look for in vain: a page, what a function or class is for, what an option does. */
function gaps(): readonly string[] {
  return entries.flatMap((entry) => {
    const found: string[] = [];
    const isType = /^(type|interface) /.test(entry.heads[0] ?? "");
    if (pageOf(entry) === undefined) found.push(`${entry.name} (${entry.file}) is on no page: see docs/tools/pages.ts`);
    if (!isType && pageOf(entry)?.file === "types")
      found.push(`${entry.name} (${entry.file}) is no type, on that page`);
    if (entry.about === "" && !isType) found.push(`${entry.name} (${entry.file}) has no comment`);
    if (isType && !/(Options|Definition)$/.test(entry.name)) return found;
    for (const { title, members } of entry.tables) {
      const silent = members.filter(({ about }) => about === "").map(({ name }) => name);
      if (silent.length > 0)
        found.push(`${entry.name}${title === "" ? "" : ` (${title})`} says nothing of ${silent.join(", ")}`);
    }
    return found;
  });
}

function check(): void {
  const problems = [...gaps()];
  const there = new Set(readdirSync(folder));
  for (const [file, text] of written) {
    if (!there.has(file) || readFileSync(`${folder}${file}`, "utf8") !== text)
      problems.push(`docs/reference/${file} is not up to date`);
  }
  for (const file of there) if (!written.has(file)) problems.push(`docs/reference/${file} is nobody's page`);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error("Write the comments, then: npm run reference");
    process.exitCode = 1;
  } else console.log(`docs/reference is complete: ${entries.length} names.`);
}
