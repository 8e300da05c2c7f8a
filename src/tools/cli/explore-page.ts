/**
 * The page of `tensorloom explore`, as text: with its data inside, to be mailed and opened from the disk, or for the server that gives it.
 *
 * A policy stands in the page itself: nothing but its own script runs, whatever names and strings hold, and nothing is fetched but from the
 * server that it came from. The script puts its styles in by itself; CodeMirror's have the nonce.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { messageOf, UserError } from "../../core/errors.ts";
import type { Exploration } from "../explorer/exploration.ts";
import type { Offer } from "../explorer/offer.ts";

/** A page with all that it shows. `code`: its script, for who writes several. */
export async function wholePage(
  script: string,
  explorations: readonly Exploration[],
  code: string | Promise<string> = pageScript(),
): Promise<string> {
  const offer: Offer = {
    script,
    choices: explorations.map(({ entry, target }, i) => ({ entry, target, data: { kind: "element", at: `data${i}` } })),
  };
  const packed = explorations.map((one, i) => {
    const bytes = gzipSync(JSON.stringify(one), { level: 9 }).toString("base64");
    return `<script type="application/octet-stream" id="data${i}">${bytes}</script>`;
  });
  const nonce = newNonce();
  const policy = `<meta http-equiv="Content-Security-Policy" content="${pagePolicy(nonce)}">`;
  const inside = (await code).replaceAll("</script", "<\\/script");
  return pageText(offer, policy, [...packed, `<script nonce="${nonce}">${inside}</script>`]);
}

/** A page that asks a server for its script and its data; the policy is the server's to send. */
export function servedPage(offer: Offer, nonce: string): string {
  return pageText(offer, "", [`<script nonce="${nonce}" src="explorer.js"></script>`]);
}

export function newNonce(): string {
  return randomBytes(18).toString("base64");
}

/** What the page may do. A frame around it is forbidden by the server alone: a page cannot say so itself. */
export function pagePolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

function pageText(offer: Offer, head: string, scripts: readonly string[]): string {
  const data = JSON.stringify(offer).replaceAll("<", "\\u003c");
  const icon = "data:,"; // browsers ask for one
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${head}
<title>explorer</title>
<link rel="icon" href="${icon}">
</head>
<body aria-busy="true">
<noscript>The explorer is a script.</noscript>
<script type="application/json" id="offer">${data}</script>
${scripts.join("\n")}
</body>
</html>
`;
}

/** In the package it lies beside this file's bundle; from the sources it is made by esbuild. */
export async function pageScript(): Promise<string> {
  const built = new URL("./explorer.js", import.meta.url);
  if (existsSync(built)) return readFileSync(built, "utf8");
  const source = fileURLToPath(new URL("../../../web/explorer/main.ts", import.meta.url));
  try {
    const { build } = await import("esbuild");
    const { outputFiles } = await build({
      entryPoints: [source],
      bundle: true,
      minify: true,
      write: false,
      format: "iife",
      target: "es2022",
      legalComments: "inline",
      logLevel: "silent",
    });
    return outputFiles[0]?.text ?? "";
  } catch (error) {
    throw new UserError(`the explorer's page could not be made from ${source}: ${messageOf(error)}`, { cause: error });
  }
}
