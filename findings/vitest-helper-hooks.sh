#!/usr/bin/env bash
# Vitest 4.1.12 with `isolate: false`: an `afterEach` at the top of a module that test files import runs behind the tests of the first such
# file alone. The module is kept for the files after it, which the hook silently does not clean up after; all of them pass. With isolation,
# as it is by default, it runs behind every test, and an `afterEach` in a file of `setupFiles` does so either way.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --no-audit --no-fund vitest@4.1.12 >/dev/null
hook() { echo "import { appendFileSync } from 'node:fs'; import { afterEach } from 'vitest'; afterEach(() => appendFileSync('$1.txt', 'x'));"; }
hook helper >helper.mjs
hook setup >setup.mjs
echo 'export default { test: { setupFiles: ["./setup.mjs"], fileParallelism: false } };' >vitest.config.mjs
for n in 1 2 3; do echo 'import { test } from "vitest"; import "./helper.mjs"; test("passes", () => {});' >"file-$n.test.mjs"; done
count() { # how often the hooks of helper.mjs and of setup.mjs ran behind the three tests
  rm -f helper.txt setup.txt
  npx vitest run "$@" >/dev/null 2>&1
  echo "$(tr -d '\n' <helper.txt | wc -c | tr -d ' ') $(tr -d '\n' <setup.txt | wc -c | tr -d ' ')"
}
read -r apart apartSetup < <(count --isolate)
read -r shared sharedSetup < <(count --no-isolate)
echo "Vitest $(node -p 'require("vitest/package.json").version'): three files of a test each; a hook of an imported module ran $apart times with isolation, $shared without; one of a setup file $apartSetup and $sharedSetup"
[ "$apart $apartSetup" = "3 3" ] && [ "$shared $sharedSetup" = "1 3" ]
