#!/usr/bin/env bash
# Bun 1.4.5 says in process.versions.v8 that it runs on V8 14.6, and in process.versions.node that it is Node 26.3, though its engine is
# JavaScriptCore, which process.versions.webkit tells. What goes by the version of V8 (its flags, kept code, measured choices) takes Bun
# for a Node: setFlagsFromString is there too, takes any text without a word, and does nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . bun@1.4.5 >/dev/null
cat >seen.mjs <<'SCRIPT'
import v8 from "node:v8";
const { bun, v8: version, node, webkit } = process.versions;
let flags;
try {
  v8.setFlagsFromString("--this-is-no-flag-of-v8");
  flags = "taken";
} catch (error) {
  flags = `refused (${error.name}: ${error.message})`;
}
console.log(JSON.stringify({ bun, v8: version, node, webkit: webkit?.slice(0, 8), flags }));
process.exit(version.startsWith("14.6.") && node === "26.3.0" && webkit !== undefined && flags === "taken" ? 0 : 1);
SCRIPT
./node_modules/.bin/bun seen.mjs
