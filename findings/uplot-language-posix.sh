#!/usr/bin/env bash
# uPlot 1.6.32: a page with it ends at once, "Invalid language tag", where the browser has no locale: Chromium without one
# (headless, LANG=C) says navigator.language is "en-US@posix", which Intl.NumberFormat refuses, and uPlot asks for a format as it is
# loaded. Setting navigator.language before it is loaded helps. Here the browser is a stand-in.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . uplot@1.6.32 >/dev/null
cat >seen.mjs <<'SCRIPT'
const nothing = () => {};
globalThis.window = globalThis;
globalThis.document = {};
Object.assign(globalThis, { addEventListener: nothing, dispatchEvent: nothing, matchMedia: () => ({ addEventListener: nothing, removeEventListener: nothing }) });
globalThis.devicePixelRatio = 1;
globalThis.CustomEvent ??= Event;
const { pathToFileURL } = await import("node:url");
const file = pathToFileURL("node_modules/uplot/dist/uPlot.esm.js").href;
const seen = {};
for (const language of ["en-US", "en-US@posix"]) {
  Object.defineProperty(globalThis, "navigator", { value: { language }, configurable: true });
  seen[language] = await import(`${file}?${language}`).then(() => "loads", (error) => `${error.name}: ${error.message}`);
  console.log(`uPlot 1.6.32, navigator.language "${language}": ${seen[language]}`);
}
process.exit(seen["en-US"] === "loads" && /Invalid language tag|RangeError/.test(seen["en-US@posix"]) ? 0 : 1);
SCRIPT
node seen.mjs
