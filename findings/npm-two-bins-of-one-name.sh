#!/usr/bin/env bash
# npm 11: two packages with a command of one name (here two versions of TypeScript by aliases). After `npm install` of one behind
# the other, node_modules/.bin/tsc is the one installed last; after `npm ci` from the very lock file that this made, it is the one
# whose name is first in the alphabet. So `"check": "tsc"` runs another compiler in CI than where the lock file was written.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
add() { npm install --silent --no-audit --no-fund --ignore-scripts "$1" >/dev/null; }
add alpha@npm:typescript@5.9.3
add zebra@npm:typescript@5.4.5
grown=$(readlink node_modules/.bin/tsc)
npm ci --silent --no-audit --no-fund --ignore-scripts >/dev/null
clean=$(readlink node_modules/.bin/tsc)
echo "npm $(npm --version): tsc after two installs is $grown; after npm ci from their lock file $clean"
[ "$grown" = ../zebra/bin/tsc ] && [ "$clean" = ../alpha/bin/tsc ]
