#!/usr/bin/env bash
# Vitest 4.1.12: Object.keys of a module's namespace (import * as all) is in the order of the exports, where the language, and so
# Node, has the names in alphabetical order. A message that lists the names there are ("there are: zeros, ones") passes its
# test with other words than users get.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --no-audit --no-fund vitest@4.1.12 >/dev/null
echo 'export const zeros = 0; export const ones = 1;' >all.mjs
echo 'import * as all from "./all.mjs"; console.log(Object.keys(all).join(" "));' >keys.mjs
cat >keys.test.mjs <<'TEST'
import { writeFileSync } from "node:fs";
import { test } from "vitest";
import * as all from "./all.mjs";
test("keys", () => writeFileSync("keys.txt", Object.keys(all).join(" ")));
TEST
node=$(node keys.mjs)
npx vitest run >/dev/null 2>&1
vitest=$(cat keys.txt)
echo "Vitest $(node -p 'require("vitest/package.json").version'), Node $(node --version): in Node \"$node\", in a test \"$vitest\""
[ "$node" = "ones zeros" ] && [ "$vitest" = "zeros ones" ]
