/**
 * The same Chromium, driven by Playwright: for pages that are clicked, typed into and looked at.
 *
 *   const browser = await openBrowser({ gpu: true });
 *   const page = await browser.newPage();
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { chromiumFolder, graphicsFlags } from "./chromium.ts";

export interface BrowserOptions {
  /** Whether it has WebGPU, through its software driver. */
  readonly gpu?: boolean;
}

/** A browser without a window. Whoever opens it closes it. */
export async function openBrowser({ gpu = false }: BrowserOptions = {}): Promise<Browser> {
  const folder = await chromiumFolder();
  const home = await mkdtemp(join(tmpdir(), "tensorloom-browser-"));
  const browser = await chromium.launch({
    executablePath: join(folder, "chromium"),
    args: ["--no-sandbox", ...graphicsFlags(gpu)],
    env: { ...process.env, LANG: "en_US.UTF-8", LC_ALL: "en_US.UTF-8", LD_LIBRARY_PATH: folder, HOME: home },
  });
  browser.on("disconnected", () => void rm(home, { recursive: true, force: true, maxRetries: 5 }));
  return browser;
}
