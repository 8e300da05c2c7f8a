/**
 * The explorer's page with a graph of 2,000 nodes, in Chromium: how long its layout takes with every node drawn, and how much scripting a
 * frame costs while it is dragged about.
 *
 *   npm run bench:explorer
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { wholePage } from "../src/tools/cli/explore-page.ts";
import { explore } from "../src/tools/explorer/explore.ts";
import { openBrowser } from "../test/browser/driven.ts";
import { transformer } from "../test/cli/scripts/transformer.ts";

const limits = { layoutMs: 5_000, frameMs: 16 };
const moves = 120;

const folder = mkdtempSync(join(tmpdir(), "tensorloom-explorer-"));
const browser = await openBrowser();
try {
  const started = performance.now();
  const made = explore(transformer(5), { entry: "train", dims: {}, target: "js", folder: process.cwd() });
  const nodes = made.graphs.at(-1)?.nodes.length ?? 0;
  console.log(`${nodes} nodes, explored in ${(performance.now() - started).toFixed(0)} ms`);
  const file = join(folder, "large.html");
  writeFileSync(file, await wholePage("transformer.ts", [made]));
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.goto(pathToFileURL(file).href);
  await page.waitForSelector(".page");
  await page.getByRole("button", { name: "after", exact: true }).click();
  const pane = page.locator("section[aria-label=after]");
  await pane.getByLabel("constants").check();
  await pane.getByLabel("collapse by").selectOption("nothing");
  const graph = pane.locator("svg.graph");
  const boxes = await graph.getAttribute("data-boxes");
  const layoutMs = Number(await graph.getAttribute("data-layout-ms"));
  console.log(`layout of ${boxes} boxes: ${layoutMs} ms, ${(layoutMs / limits.layoutMs).toFixed(2)} of the limit`);
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const scripting = async (): Promise<number> => {
    const { metrics } = await session.send("Performance.getMetrics");
    return 1000 * (metrics.find(({ name }) => name === "ScriptDuration")?.value ?? 0);
  };
  const frame = await graph.boundingBox();
  const [x, y] = [(frame?.x ?? 0) + 200, (frame?.y ?? 0) + 200];
  await page.mouse.move(x, y);
  await page.mouse.down();
  const before = await scripting();
  for (let i = 0; i < moves; i++) await page.mouse.move(x + 2 * i, y + Math.sin(i / 9) * 80);
  const each = ((await scripting()) - before) / moves;
  await page.mouse.up();
  console.log(
    `dragging: ${each.toFixed(2)} ms of scripting a move, ${(each / limits.frameMs).toFixed(3)} of the limit`,
  );
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}
