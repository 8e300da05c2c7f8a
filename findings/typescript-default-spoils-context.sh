#!/usr/bin/env bash
# TypeScript 5.9.3: a default on a type parameter (`M extends Metrics = readonly []`) takes the types of lambdas in the argument
# away: { mae: (output, target) => ... } is checked against the default, "'mae' does not exist in type 'readonly []'", and output
# and target are any. Without the default, which nobody asked for here, the same call is inferred and checks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . typescript@5.9.3 >/dev/null
cat >seen.ts <<'SOURCE'
type Measure = (output: number[], target: number[]) => number;
type Metrics = readonly string[] | { readonly [name: string]: string | Measure };
declare function withDefault<const M extends Metrics = readonly []>(options: { metrics?: M }): M;
declare function withoutDefault<const M extends Metrics>(options: { metrics?: M }): M;
withoutDefault({ metrics: { mae: (output, target) => output.length + target.length } });
withDefault({ metrics: { mae: (output, target) => output.length + target.length } });
SOURCE
seen=$(node_modules/.bin/tsc --noEmit --strict seen.ts || true)
echo "TypeScript 5.9.3 (line 5 is without the default, line 6 with it):"
echo "$seen"
[ "$(grep -c '^seen.ts(6,' <<<"$seen")" -ge 1 ] && ! grep -q '^seen.ts(5,' <<<"$seen" && grep -q "'mae' does not exist in type 'readonly \[\]'" <<<"$seen"
