/**
 * DOT to SVG, and SVG to PNG. Both renderers are WebAssembly: the same picture on every system, no browser and no font of
 * the system needed. They are loaded when the first picture is drawn.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { encodePng } from "./png.ts";

/**
 * Lays a graph out. Graphviz measures text as Helvetica; every font of the list has its widths. It puts bold text higher than
 * other text on the same line, by a tenth of its size and 1 (measured; version 16.1), which is put right here.
 */
export async function renderSvg(dot: string): Promise<string> {
  const { Graphviz } = await import("@hpcc-js/wasm-graphviz");
  const graphviz = await Graphviz.load();
  const svg = graphviz.layout(dot, "svg", "dot");
  const fonts = 'font-family="Helvetica,Arial,Arimo,Liberation Sans,sans-serif"';
  return svg
    .replaceAll('font-family="Helvetica,sans-Serif"', fonts)
    .replaceAll(/font-weight="bold" font-size="([\d.]+)"/g, (found, size) => `dy="${1 + Number(size) / 10}" ${found}`);
}

/** Pixels for each CSS pixel: sharp on a screen of high density, and in a talk. */
const sharp = 2;
/** Larger pictures are shrunk: a picture of a thousand layers must not ask for gigabytes. */
const maxPixels = 40_000_000;

/** The renderer, ready: the package can be made so only once in a process. */
export async function loadResvg(): Promise<typeof import("@resvg/resvg-wasm").Resvg> {
  const { initWasm, Resvg } = await import("@resvg/resvg-wasm");
  const file = createRequire(import.meta.url).resolve("@resvg/resvg-wasm/index_bg.wasm");
  wasmReady ??= readFile(file).then((bytes) => initWasm(bytes));
  await wasmReady;
  return Resvg;
}

export async function renderPng(svg: string, zoom = sharp): Promise<Uint8Array> {
  const { resolve } = createRequire(import.meta.url);
  const fontFiles = ["400Regular/Arimo_400Regular.ttf", "700Bold/Arimo_700Bold.ttf"];
  const [fontBuffers, Resvg] = await Promise.all([
    Promise.all(fontFiles.map((file) => readFile(resolve(`@expo-google-fonts/arimo/${file}`)))),
    loadResvg(),
  ]);
  const font = { fontBuffers, defaultFontFamily: "Arimo", sansSerifFamily: "Arimo" };
  const image = new Resvg(svg, {
    font,
    fitTo: { mode: "zoom", value: zoomFor(svg, zoom) },
    background: "white",
  }).render();
  const png = encodePng(image.pixels, image.width, image.height);
  image.free();
  return png;
}

let wasmReady: Promise<void> | undefined;

function zoomFor(svg: string, zoom: number): number {
  const [, width, height, unit] = /<svg[^>]*?width="([\d.]+)(?:pt)?"[^>]*?height="([\d.]+)(pt)?"/.exec(svg) ?? [];
  const pixels = unit === "pt" ? 4 / 3 : 1;
  const area = Number(width ?? 1) * pixels * (Number(height ?? 1) * pixels);
  return Math.min(zoom, Math.sqrt(maxPixels / Math.max(1, area)));
}
