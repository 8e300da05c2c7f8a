/**
 * `npm run bench:names`: what names from the user's source cost a command, for a project of 50 files.
 *
 * The project is a network whose every layer stands in a file of its own, 60 lines with five variables each, and a script that applies them
 * all. `tensorloom graph` prints it with names and without, in turns, each time in a fresh process, and the fastest counts; of the
 * sources joined as the package has them: through tsx 9 MB of TypeScript would take twice as long to load. Most of the time is that
 * loading, which is done while esbuild, another process, reads the script.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { table } from "./print.ts";

const [files, turns, limitMs] = [50, 8, 300] as const;
const root = fileURLToPath(new URL("..", import.meta.url));
const built = join(root, ".cache", "bench-names");

/** As start.js does it. */
async function buildCommand(): Promise<void> {
  await build({
    absWorkingDir: root,
    entryPoints: { index: "src/index.ts", main: "src/tools/cli/main.ts" },
    outdir: built,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
  });
  writeFileSync(
    join(built, "tsconfig.json"),
    JSON.stringify({ compilerOptions: { paths: { tensorloom: ["./index.js"] } } }),
  );
}

/** A file of the project: a layer, and functions that this program does not call. */
function layerFile(number: number): string {
  const others = Array.from({ length: 10 }, (_, i) => [
    `/** Scales and shifts, as layer ${number} may want it. */`,
    `export function other${i}(x: Matrix, scale: number) {`,
    `  return add(mul(x, scale), ${i});`,
    "}",
  ]);
  const layer = [
    'import { add, f32, matmul, mul, relu, type Tensor, tanh } from "tensorloom";',
    'type Matrix = Tensor<readonly ["batch", 16], "f32">;',
    `export function layer${number}(x: Matrix, w: Tensor<readonly [16, 16], "f32">) {`,
    "  const product = matmul(x, w);",
    `  const hidden = relu(add(product, ${number}));`,
    "  const { gate } = { gate: tanh(product) };",
    "  const out = mul(hidden, gate);",
    "  return out;",
    "}",
  ];
  return `${[...layer, ...others.flat()].join("\n")}\nexport const unused = f32("batch");\n`;
}

function writeProject(folder: string): string {
  const numbers = Array.from({ length: files - 1 }, (_, i) => i);
  for (const number of numbers) writeFileSync(join(folder, `layer${number}.ts`), layerFile(number));
  const script = join(folder, "main.ts");
  const lines = [
    'import { f32, mean, param, program, zeros } from "tensorloom";',
    ...numbers.map((number) => `import { layer${number} } from "./layer${number}.ts";`),
    "export default program({",
    '  inputs: { x: f32("batch", 16) },',
    "  state: { w: param(zeros(16, 16)) },",
    "  entries: { step({ x }, { w }) {",
    ...numbers.map((number) => `    const h${number} = layer${number}(${number === 0 ? "x" : `h${number - 1}`}, w);`),
    `    return { outputs: { loss: mean(h${numbers.length - 1}) } };`,
    "  } },",
    "});",
  ];
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }\n');
  writeFileSync(script, `${lines.join("\n")}\n`);
  return script;
}

function graph(script: string, ...flags: readonly string[]): { readonly ms: number; readonly text: string } {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(built, "main.js"), "graph", script, "--stage", "forward", ...flags],
    { encoding: "utf8", env: { ...process.env, TSX_TSCONFIG_PATH: join(built, "tsconfig.json") } },
  );
  if (status !== 0) throw new Error(stderr);
  return { ms: performance.now() - start, text: stdout };
}

const folder = mkdtempSync(join(tmpdir(), "tensorloom-names-"));
try {
  await buildCommand();
  const script = writeProject(folder);
  const found = { with: [] as number[], without: [] as number[] };
  let named = 0;
  for (let turn = 0; turn < turns; turn += 1) {
    const { ms, text } = graph(script);
    found.with.push(ms);
    found.without.push(graph(script, "--no-names").ms);
    named = text.match(/^(h\d+|product|hidden|gate)(_\d+)?:/gm)?.length ?? 0;
  }
  const [withNames, without] = [Math.min(...found.with), Math.min(...found.without)];
  const more = withNames - without;
  console.log(
    table(
      ["graph", "ms"],
      [
        ["without names", without.toFixed(0)],
        ["with names", withNames.toFixed(0)],
        [
          `${named} names from ${files} files`,
          `${more.toFixed(0)} (${(withNames / without).toFixed(2)} of the time; the limit is ${limitMs})`,
        ],
      ],
    ),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
