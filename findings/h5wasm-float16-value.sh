#!/usr/bin/env bash
# h5wasm 0.10.3: a dataset of float16, as Keras writes the weights of a model in half precision, has a dtype ("<e"), a shape and its
# bytes, but .value throws "Float16 not supported", on engines with a Float16Array too. The same library reads bfloat16, which HDF5 has
# no type for, as it is kept as bytes. The numbers are there: two bytes each, by the file's own low-level read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . h5wasm@0.10.3 >/dev/null
# written by Keras 3.15.1 (h5py 3.14): a dense layer of 3 to 2 in float16
base64 -d <<'FILE' | gunzip >half.weights.h5
H4sIAAAAAAACA+2az0sCQRTHZ9YWFylcoUNJPzYjECKxS3UJjLI8REp18OAhIaWDFVRE/Qfbf9Af0KFjEJTHjv4BQR7rL7HWeW/ZGXEDM5L2fS7PmXm7s775
zuz4xpvcxuZIJB5hDobBhpjJvLQAKyWXsf0ALAdrg73XsJ6328agPgb3V/32d7NZx7ulgP2868IajAgiuexawbFFKKOeGprsd1k+O3dsrXxdcT6hLjM99stZ
SNKvCfpNhmX9C/2yrvolSL9e/eI6Zuuq3gSFPvW7t5Pf4ExzV3U7LPeDwrbi8nNZIdkvB+UjPZjjh+8tNQ7DsLJwprPRr+idlI8rTnmc8/YVphtDQ4pn2BNs
7vOeVMenm98ttNcn/NetYkJet7bW89ucwYOqz/dFtXZavlhcYrjM4vAfVk7OK574vERpjhMEQRAEQRAEQRDEoPJd3j09KSzl3YOJmrfEPGImLvthPsjNF/6y
Ls0Z0iXpslOXzQnZD8+D+qVLkU/nru4elHy6moclepvfjXl5XIlgz288x6hbsl8a7CKT52GmT/O7qczvqymY5xaNkR94LqXGq9fzMt3zstfgeu5x4CwprCYq
4JjOPbfqLI+1L41ZUagzWURnkajbn9Fu1zRxQwMUGOKNWfwmMld/Gu/S8ttz6fHj6a6+ujI9V02RAgmCIAji/4P/88J9az3h74+/q8wFip2Xzn2l2PdxzqX9
48/3ka+wjxxSnsAeqEH4BLEnfmEgLgAA
FILE
cat >seen.mjs <<'SCRIPT'
import h5wasm from "h5wasm/node";
await h5wasm.ready;
const file = new h5wasm.File("half.weights.h5", "r");
const kernel = file.get("layers/dense/vars/0");
let value;
try {
  value = `is ${kernel.value}`;
} catch (error) {
  value = `throws "${error.message}"`;
}
console.log(`h5wasm 0.10.3: dtype ${kernel.dtype}, shape ${kernel.shape}, .value ${value}`);
process.exit(kernel.dtype === "<e" && value.includes("Float16 not supported") ? 0 : 1);
SCRIPT
node seen.mjs
