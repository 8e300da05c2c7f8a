#!/usr/bin/env bash
# Dawn for Node (webgpu 0.6.2): an error that no scope catches is printed to stdout, also where an "uncapturederror" listener has
# heard of it, so it ends up in the middle of what a program writes there (JSON, say). event.preventDefault() in the listener
# keeps it quiet, which nothing in the interface suggests: in browsers the same errors go to the console of the developer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . webgpu@0.6.2 @sparticuz/chromium@141.0.0 >/dev/null
# a WebGPU adapter in software, which that package brings along
node -e 'process.stdout.write(require("node:zlib").brotliDecompressSync(require("node:fs").readFileSync("node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")))' | tar x
cat >seen.mjs <<'SCRIPT'
import { create } from "webgpu";
const gpu = (globalThis.kept = create([]));
const adapter = await gpu.requestAdapter();
const device = await adapter.requestDevice();
let heard = 0;
const prevents = process.argv[2] === "prevent";
device.addEventListener("uncapturederror", (event) => {
  heard += 1;
  if (prevents) event.preventDefault();
});
device.createBuffer({ size: 16, usage: 0 }); // no usage: an error by the specification
await device.queue.onSubmittedWorkDone();
await new Promise((resolve) => setTimeout(resolve, 200));
device.destroy();
process.stderr.write(`${heard}`);
process.exit(0);
SCRIPT
run() { LD_LIBRARY_PATH=$folder VK_ICD_FILENAMES=$folder/vk_swiftshader_icd.json node seen.mjs "$1" 2>heard; }
plain=$(run listen)
heard=$(cat heard)
quiet=$(run prevent)
echo "webgpu 0.6.2: the listener heard of $heard error(s), and stdout had ${#plain} characters: ${plain:0:80}..."
echo "with preventDefault() stdout had ${#quiet} characters"
[[ $heard == *1 ]] && [ -n "$plain" ] && [ -z "$quiet" ]
