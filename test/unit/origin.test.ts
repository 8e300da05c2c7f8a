/**
 * The user's line, read from stacks as engines, loaders, source maps and bundlers write them: ours is never taken for theirs.
 * `package.test.ts` has the same from real stacks of the installed package.
 */
import { describe, expect, test } from "vitest";
import { atLine, here, userLine } from "../../src/core/origin.ts";

const readable = "    at complain (node:internal/modules/esm/module_job:343:25)";

/** What a stack of these places, ours first, is read as. */
function lineOf(...frames: readonly string[]): string | null {
  const trace = new Error("add");
  trace.stack = ["Error: add", ...frames].join("\n");
  return userLine({ call: "add", trace });
}

const stacks: readonly (readonly [what: string, frames: readonly string[], line: string | null])[] = [
  [
    "plain JavaScript",
    [
      "    at here (file:///home/me/node_modules/tensorloom/dist/src/core/origin.js:20:19)",
      "    at mapCall (file:///home/me/node_modules/tensorloom/dist/src/dsl/ops.js:41:20)",
      "    at layer (file:///home/me/node_modules/tensorloom/dist/passes/x.js:41:20)",
      "    at file:///home/me/train.js:7:3",
      readable,
    ],
    "/home/me/train.js:7:3",
  ],
  [
    "source maps whose sources are elsewhere",
    [
      "    at here (/home/me/node_modules/tensorloom/src/core/origin.ts:23:17)",
      "    at mapCall (/home/me/node_modules/tensorloom/src/dsl/ops.ts:57:18)",
      "    at Object.step (/home/me/src/train.ts:7:3)",
    ],
    "/home/me/src/train.ts:7:3",
  ],
  [
    "folders with spaces, parentheses, signs",
    [
      "    at here (file:///home/a%20b/(my)/100%/tensorloom/dist/src/core/origin.js:20:19)",
      "    at add (file:///home/a%20b/(my)/100%/tensorloom/dist/src/dsl/ops.js:41:20)",
      "    at async file:///home/a%20b/(my)/tr%C3%A4in.ts:7:3",
    ],
    "/home/a b/(my)/träin.ts:7:3",
  ],
  [
    "Windows, as URLs",
    [
      "    at here (file:///C:/a%20b/node_modules/tensorloom/dist/src/core/origin.js:20:19)",
      "    at add (file:///C:/a%20b/node_modules/tensorloom/dist/src/dsl/ops.js:41:20)",
      "    at file:///C:/a%20b/train.ts:7:3",
    ],
    "C:/a b/train.ts:7:3",
  ],
  [
    "Windows, as paths",
    [
      String.raw`    at here (C:\a b\node_modules\tensorloom\dist\src\core\origin.js:20:19)`,
      String.raw`    at add (C:\a b\node_modules\tensorloom\dist\src\dsl\ops.js:41:20)`,
      String.raw`    at Object.<anonymous> (C:\a b\src\train.ts:7:3)`,
    ],
    String.raw`C:\a b\src\train.ts:7:3`,
  ],
  [
    "Vite's server, packages bundled beforehand",
    [
      "    at here (http://localhost:5173/node_modules/.vite/deps/chunk-5XH2.js?v=1f2e:20:19)",
      "    at add (http://localhost:5173/node_modules/.vite/deps/tensorloom.js?v=1f2e:41:20)",
      "    at http://localhost:5173/src/train.ts?t=17:7:3",
    ],
    "http://localhost:5173/src/train.ts?t=17:7:3",
  ],
  [
    "Vite's server, packages as they are",
    [
      "    at here (http://localhost:5173/@fs/home/me/tensorloom/dist/src/core/origin.js?v=1f2e:20:19)",
      "    at add (http://localhost:5173/@fs/home/me/tensorloom/dist/src/dsl/ops.js?v=1f2e:41:20)",
      "    at http://localhost:5173/src/train.ts?t=17:7:3",
    ],
    "http://localhost:5173/src/train.ts?t=17:7:3",
  ],
  [
    "one bundle of everything",
    ["    at a (https://me.dev/assets/index-9.js:1:20)", "    at b (https://me.dev/assets/index-9.js:1:90)"],
    null,
  ],
  [
    "a bundle in parts",
    ["    at a (https://me.dev/assets/index-9.js:1:20)", "    at b (https://me.dev/assets/train-4.js:1:90)"],
    null,
  ],
  [
    "webpack's eval",
    [
      "    at here (webpack-internal:///./node_modules/tensorloom/dist/src/core/origin.js:20:19)",
      "    at add (webpack-internal:///./node_modules/tensorloom/dist/src/dsl/ops.js:41:20)",
      "    at eval (webpack-internal:///./src/train.ts:7:3)",
    ],
    "webpack-internal:///./src/train.ts:7:3",
  ],
  [
    "Firefox and Safari",
    [
      "here@https://me.dev/tensorloom/dist/src/core/origin.js:20:19",
      "add@https://me.dev/tensorloom/dist/src/dsl/ops.js:41:20",
      "step@https://me.dev/train.js:7:3",
      "@https://me.dev/train.js:9:1",
    ],
    "https://me.dev/train.js:7:3",
  ],
  ["no places", ["    at here (native)", "    at Promise.all (index 0)"], null],
  ["only ours and Node's", ["    at here (file:///t/dist/src/core/origin.js:2:9)", readable], null],
];

describe("the user's line", () => {
  test.each(stacks)("%s", (_, frames, line) => {
    expect(lineOf(...frames)).toBe(line);
  });

  test("an engine without stacks, or a formatter that gives no text", () => {
    for (const stack of [undefined, [], 3]) {
      const trace = Object.assign(new Error("add"), { stack });
      expect(atLine({ call: "add", trace })).toBe("");
    }
  });

  test("this file, here", () => {
    expect(atLine(here("add"))).toMatch(/^\n {4}at \/.*\/test\/unit\/origin\.test\.ts:\d+:\d+$/);
  });
});
