#!/usr/bin/env bash
# jsfive 0.4.2: visititems, which is to walk through a file, visits everything and then always ends in a TypeError: its loop goes on
# while there is a queue, and an empty one is there too. With one member left it also prints that member to the console. Walking by keys
# and get works. The file is written by h5wasm 0.10.3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . jsfive@0.4.2 h5wasm@0.10.3 >/dev/null
cat >seen.mjs <<'SCRIPT'
import { readFileSync } from "node:fs";
import h5wasm from "h5wasm/node";
import * as hdf5 from "jsfive";
await h5wasm.ready;
const written = new h5wasm.File("two.h5", "w");
written.create_group("a").create_dataset({ name: "w", data: new Float32Array([1, 2]), shape: [2] });
written.close();
const file = new hdf5.File(new Uint8Array(readFileSync("two.h5")).buffer, "two.h5");
const visited = [];
console.log = () => {}; // it prints what it visits last
let ended = "returns";
try {
  file.visititems((name) => {
    visited.push(name);
    return null;
  });
} catch (error) {
  ended = `${error.constructor.name}: ${error.message}`;
}
process.stdout.write(`jsfive 0.4.2 reads a/w as ${file.get("a/w").value}; visititems visits ${visited.join(", ")}, then ${ended}\n`);
process.exit(visited.join() === "a,a/w" && ended.startsWith("TypeError") ? 0 : 1);
SCRIPT
node seen.mjs
