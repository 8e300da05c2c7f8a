#!/usr/bin/env bash
# csv-parse 7.0.3: a line break of CR and LF within a quoted field counts as two lines, where LF alone, or a CR LF behind a record, is one.
# So in a file from Windows `to_line` drops records that the same file with LF keeps, and errors and `info` name lines too far down.
# `record_delimiter: "\r\n"` does not help.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . csv-parse@7.0.3 >/dev/null
cat >seen.mjs <<'SCRIPT'
import { parse } from "csv-parse/sync";
// five lines each: the record with id 1 is on lines 2 and 3
const seen = ["\n", "\r\n"].map((end) => {
  const text = ["id,note", '1,"two', 'lines"', "2,b", "3,c"].join(end) + end;
  const ids = (options) => parse(text, options).map(([id]) => id).join(" ");
  return {
    end: JSON.stringify(end),
    lines: parse(text, { info: true }).map(({ info }) => info.lines).join(" "),
    upTo4: ids({ to_line: 4 }),
    upTo4Told: ids({ to_line: 4, record_delimiter: end }),
  };
});
for (const { end, lines, upTo4, upTo4Told } of seen)
  console.log(`csv-parse 7.0.3: with ${end} records end on lines ${lines}; up to line 4: "${upTo4}", with record_delimiter "${upTo4Told}"`);
const [lf, crlf] = seen;
const right = lf.lines === "1 3 4 5" && lf.upTo4 === "id 1 2" && lf.upTo4Told === "id 1 2";
process.exit(right && crlf.lines === "1 4 5 6" && crlf.upTo4 === "id 1" && crlf.upTo4Told === "id 1" ? 0 : 1);
SCRIPT
node seen.mjs
