/**
 * CSV files and text files as datasets: what is read of every form that such files have, in blocks too, and what is refused, by file,
 * row and column.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { RandomStream } from "../../src/core/random.ts";
import { csv } from "../../src/data/sources/csv.ts";
import { numberFrom, readNumber } from "../../src/data/sources/csv-number.ts";
import { textLines } from "../../src/data/sources/text-lines.ts";

const folder = mkdtempSync(join(tmpdir(), "tensorloom-csv-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function file(contents: string | Uint8Array): string {
  const path = join(folder, `file${files++}.csv`);
  writeFileSync(path, contents);
  return path;
}

describe("numbers", () => {
  const reader = { end: 0 };
  const read = (text: string): number => readNumber(Buffer.from(text), 0, reader);

  test("correctly rounded, whatever their form", () => {
    const decimal = fc.tuple(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer({ min: 0, max: 20 }));
    const texts = decimal.map(([value, digits]) => [
      String(value),
      value.toFixed(Math.min(digits, 12)),
      value.toExponential(digits),
    ]);
    fc.assert(
      fc.property(texts, (forms) => {
        for (const form of forms) {
          const found = read(form);
          if (reader.end > 0) {
            expect(reader.end).toBe(form.length);
            expect(found).toBe(Number(form));
          } else expect(numberFrom(form)).toBe(Number(form));
        }
      }),
      { numRuns: 500 },
    );
    // pandas reads the first as 0.3 (its default is not correctly rounded)
    for (const form of [
      "0.30000000000000004",
      "5e-324",
      "1.7976931348623157e308",
      "9007199254740993",
      "-0",
      ".5",
      "5.",
      "+7",
      "1E3",
    ]) {
      expect(numberFrom(form)).toBe(Number(form));
    }
    expect([read("-0.25,"), reader.end]).toEqual([-0.25, 5]);
  });

  test("what is none", () => {
    for (const form of ["", "-", ".", "1e", "0x10", "1_000", "nan", "Infinity", "1,5", "12abc", "1 2", "--1"]) {
      expect(numberFrom(form)).toBe(null);
    }
  });
});

describe("csv", () => {
  test("with a label: x and y, in the order asked for", async () => {
    const path = file("a,price,b\n1,100,2.5\n3,200,-4e-1\n");
    expect(await csv(path, { label: "price" }).toArray()).toEqual([
      { x: Float32Array.of(1, 2.5), y: 100 },
      { x: Float32Array.of(3, -0.4), y: 200 },
    ]);
    expect(
      await csv(path, { label: "price", features: ["b", "a"] })
        .batch(2)
        .toArray(),
    ).toEqual([{ x: Float32Array.of(2.5, 1, -0.4, 3), y: Float64Array.of(100, 200) }]);
  });

  test("by columns: numbers, texts, words of a list", async () => {
    const path = file("name,kind,n,more\nx,b,1,?\ny,a,2,!\n");
    expect(await csv(path, { columns: { kind: ["a", "b"], name: "text", n: "number" } }).toArray()).toEqual([
      { kind: 1, name: "x", n: 1 },
      { kind: 0, name: "y", n: 2 },
    ]);
    expect(await csv(file("1;2\n3;4"), { names: ["u", "v"], delimiter: ";" }).toArray()).toEqual([{ u: 1, v: 2 }, { u: 3, v: 4 }]); // biome-ignore format: rows
    const iris = file("w,species\n1,b\n2,a\n");
    expect(await csv(iris, { label: "species", columns: { species: ["a", "b"] } }).toArray()).toEqual([
      { x: Float32Array.of(1), y: 1 },
      { x: Float32Array.of(2), y: 0 },
    ]);
  });

  test("a mark at the beginning, CRLF, blanks, empty lines, no newline at the end", async () => {
    const rows = [{ a: 1, b: 2 }, { a: 3, b: 4 }]; // biome-ignore format: short
    for (const text of [
      "a,b\n1,2\n3,4",
      "\uFEFFa,b\r\n1,2\r\n3,4\r\n",
      "a, b\n 1 ,2\n\n3,\t4\n\n",
      '\uFEFF"a","b"\n"1",2\n3,"4"\n',
      "a,b\r\n1,2\r\n3,4\r",
    ]) {
      expect(await csv(file(text)).toArray()).toEqual(rows);
    }
  });

  test("quotes: delimiters, newlines and quotes within, also where blocks end", async () => {
    const path = file('t,n\n"a,b",1\n"say ""hi""\nthere",2\nplain,3\n');
    const columns = { t: "text", n: "number" } as const;
    expect(await csv(path, { columns }).toArray()).toEqual([{ t: "a,b", n: 1 }, { t: 'say "hi"\nthere', n: 2 }, { t: "plain", n: 3 }]); // biome-ignore format: rows
    const many = Array.from({ length: 60_000 }, (_, i) =>
      i % 1000 === 7 ? `"row\n${i}",${i}` : `r${i} \u00e4\u{1f600},${i}`,
    );
    const found = await csv(file(`t,n\n${many.join("\n")}\n`), { columns }).toArray();
    expect(found.length).toBe(60_000);
    expect(
      found.every(({ t, n }, i) => n === i && t === (i % 1000 === 7 ? `row\n${i}` : `r${i} \u00e4\u{1f600}`)),
    ).toBe(true);
  });

  test("any text is read as csv-parse reads it, or refused as it refuses it", async () => {
    const random = new RandomStream(11, "csv");
    const pieces = ["a", "1", "2.5", " ", ",", ",", '"', '"', '""', "\n", "\n", "\r\n", "\u00e9"];
    const options = { columns: { t: "text", n: "text" } } as const;
    let [read, refused] = [0, 0];
    for (let i = 0; i < 1500; i++) {
      const text = Array.from({ length: 1 + random.integer(14) }, () => pieces[random.integer(pieces.length)]).join("");
      let wanted: readonly (readonly string[])[] | null;
      try {
        wanted = parse(text, { record_delimiter: ["\r\n", "\n"], relax_column_count: true, skip_empty_lines: true });
      } catch {
        wanted = null;
      }
      const found = await csv(file(`t,n\n${text}`), options).toArray().catch(() => null); // biome-ignore format: short
      const isTable = wanted?.every((record) => record.length === 2);
      expect(found, JSON.stringify(text)).toEqual(isTable === true ? wanted?.map(([t, n]) => ({ t, n })) : null);
      if (isTable === true) read++;
      else refused++;
    }
    expect(Math.min(read, refused)).toBeGreaterThan(150);
  });

  test("blocks: a line longer than one, many rows, a place in the middle", async () => {
    const long = "x".repeat(1_200_000);
    expect(await csv(file(`t,n\n${long},1\ny,2\n`), { columns: { t: "text" } }).toArray()).toEqual([
      { t: long },
      { t: "y" },
    ]);
    const path = file(`a,b\n${Array.from({ length: 150_000 }, (_, i) => `${i},${i % 7}`).join("\n")}`);
    const data = csv(path, { label: "b" }).shuffle(100, { seed: 1 }).batch(64);
    const whole = await data.toArray(1);
    expect(whole.reduce((sum, { y }) => sum + y.length, 0)).toBe(150_000);
    const rest: unknown[] = [];
    for await (const batch of data.iterate(1, 2000)) rest.push(batch);
    expect(rest).toEqual(whole.slice(2000));
  });

  test("missing values: an error, a row left out, a number instead", async () => {
    const path = file("a,b\n1,\nNA,4\n5,6\n");
    const words = { missingWords: ["", "NA"] };
    await expect(csv(path, words).toArray()).rejects.toThrow('row 1 (the first below the header is 1), column b: nothing is there (""): missing: "skip" leaves such rows out, a number stands in for it'); // biome-ignore format: long
    expect(await csv(path, { ...words, missing: "skip" }).toArray()).toEqual([{ a: 5, b: 6 }]);
    expect(await csv(path, { ...words, missing: -1 }).toArray()).toEqual([{ a: 1, b: -1 }, { a: -1, b: 4 }, { a: 5, b: 6 }]); // biome-ignore format: rows
    expect((await csv(path, { ...words, missing: Number.NaN }).toArray())[0]).toEqual({ a: 1, b: Number.NaN });
    await expect(csv(path).toArray()).rejects.toThrow("column b");
  });

  test.each<readonly [string, string | Uint8Array, object | undefined, string]>([
    ["a text for a number", "a,b\n1,2\n3,four\n", undefined, 'row 2 (the first below the header is 1), column b: expected a number, found "four"'],
    ["a hexadecimal number", "a\n0x10\n", undefined, 'row 1 (the first below the header is 1), column a: expected a number, found "0x10"'],
    ["a number with a comma", 'a\n"1,5"\n', undefined, 'expected a number, found "1,5"'],
    ["a row that is too long", "a,b\n1,2\n1,2,3\n", undefined, "row 2 (the first below the header is 1) has 3 fields, and the header 2"],
    ["every row with a comma at its end", "a,b\n1,2,\n", undefined, "row 1 (the first below the header is 1) has 3 fields, and the header 2"],
    ["a row that is too short", "a,b\n1\n", undefined, "row 1 (the first below the header is 1) has 1 fields, and the header 2"],
    ["one that is too short among quotes", 'a,b\n"1"\n', undefined, "has 1 fields, and the header 2"],
    ["a word that is not known", "a\nred\n", { columns: { a: ["blue"] } }, 'column a: expected one of "blue", found "red"'],
    ["semicolons", "a;b\n1;2\n", { label: "b" }, 'the header has one column, "a;b": where ";" stands between fields give delimiter: ";"'],
    ["a name twice", "a,a\n1,2\n", undefined, 'the header has "a" twice'],
    ["a column without a name", ",a,b\n0,1,2\n", undefined, "column 1 of the header has no name (an index, perhaps)"],
    ["a label that is none", "a,b\n1,2\n", { label: "c" }, 'has no column "c"'],
    ["a text as the label", "a,b\n1,x\n", { label: "b", columns: { b: "text" } }, 'the column "b" is text, and x and y are numbers'],
    ["features without a label", "a,b\n1,2\n", { features: ["a"] }, "csv: features needs a label"],
    ["the label among the features", "a,b\n1,2\n", { features: ["a"], label: "a" }, "csv: features has the label, or a column twice"],
    ["nothing", "", undefined, "the file is empty"],
    ["a gzip file", Uint8Array.of(0x1f, 0x8b, 8, 0), undefined, "it is a gzip file: unpack it first"],
    ["UTF-16", Uint8Array.of(0xff, 0xfe, 0x61, 0), undefined, "it is UTF-16: save it as UTF-8"],
    ["a quote that is not closed", 'a,b\n1,2\n1,"2\n3,4\n', undefined, "row 2 (the first below the header is 1): Quote Not Closed"],
    ["a quote within a text", 'a,b\n"1",2\n3,4"\n', undefined, "row 2 (the first below the header is 1): Invalid Opening Quote"],
    ["a text behind a quote", 'a,b\n"1"2,2\n', undefined, "row 1 (the first below the header is 1): Invalid Closing Quote"],
    ["a row that is too long among quotes", 'a,b\n"1",2\n"1","2","3"\n', undefined, "row 2 (the first below the header is 1) has 3 fields, and the header 2"],
    ["a number that no float64 holds", "a,b\n1,2\n3,1e400\n", undefined, 'row 2 (the first below the header is 1), column b: "1e400" is larger than any float64'],
    ["the same among quotes", 'a\n"-1e309"\n', undefined, 'row 1 (the first below the header is 1), column a: "-1e309" is larger than any float64'],
    ["a number that no float32 holds", "a,b\n1,2\n1e39,2\n", { label: "b" }, 'row 2 (the first below the header is 1), column a: "1e39" is larger than any float32, which x is made of'],
    ["an infinity", "a\nInfinity\n", undefined, 'column a: expected a number, found "Infinity"'],
    ["old Mac line ends", "a,b\r1,2\r", undefined, "lines end in CR alone"],
    ["old Mac line ends, a name in quotes", '"a",b\r1,2\r', undefined, "lines end in CR alone"],
    ["a quote in a header of two lines", '"a\r\nb",c"x\r\n1,2\r\n', undefined, "the header: Invalid Opening Quote: a quote is found on field 1, value is"],
    ["a row below a header of two lines", '"a\r\nb",c\r\n1,2\r\n1,"2"x\r\n', undefined, "row 2 (the first below the header is 1): Invalid Closing Quote: got \"x\" instead of"],
    ["a number below a header of two lines", '"a\r\nb",c\r\n1,2\r\n1,x\r\n', undefined, 'row 2 (the first below the header is 1), column c: expected a number, found "x"'],
  ])("refused: %s", async (_, contents, options, message) => {
    const path = file(contents);
    const found = await csv(path, options as never).toArray().catch(String);
    expect(found).toContain(message);
    if (!message.startsWith("csv:") && !message.startsWith("the column")) expect(found).toContain(path);
  }); // biome-ignore format: a row each

  test("a name of two lines, as spreadsheets write it", async () => {
    const rows = await csv(file('"a\r\nb",c\r\n1,2\r\n')).toArray();
    expect(rows).toEqual([{ "a\r\nb": 1, c: 2 }]);
  });

  test("no file, a folder; wrong calls", async () => {
    await expect(csv(join(folder, "none.csv")).toArray()).rejects.toThrow(
      "none.csv: could not be read: there is no such file",
    );
    await expect(csv(folder).toArray()).rejects.toThrow("it is no file");
    expect(() => csv(3 as never)).toThrow("csv: the path must be a text, not 3");
    expect(() => csv("a", { lable: "x" } as never)).toThrow('did you mean "label"?');
    expect(() => csv("a", { delimiter: "ab" })).toThrow("csv: delimiter must be one character");
  });
});

test("textLines: LF and CRLF, a mark, empty lines, letters across blocks", async () => {
  expect(await textLines(file("\uFEFFone\r\n\r\nthree\nfour")).toArray()).toEqual(["one", "", "three", "four"]);
  expect(await textLines(file("")).toArray()).toEqual([]);
  const lines = Array.from({ length: 40_000 }, (_, i) => `${i} \u{1f600}\u00e9 ${"x".repeat(i % 50)}`);
  expect(await textLines(file(`${lines.join("\n")}\n`)).toArray()).toEqual(lines);
});
