/** How a report looks, in the light and in the dark. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --back: #fbfbfa; --card: #ffffff; --text: #1d1f23; --weak: #63676f; --line: #dfe1e5; --grid: #eceef1; --accent: #0b5fbd;
}
@media (prefers-color-scheme: dark) {
  :root:not([data-theme="light"]) {
    --back: #131518; --card: #1b1e22; --text: #e7e9ec; --weak: #9aa0a8; --line: #31353b; --grid: #272b30; --accent: #6cb0ff;
  }
}
:root[data-theme="dark"] {
  color-scheme: dark;
  --back: #131518; --card: #1b1e22; --text: #e7e9ec; --weak: #9aa0a8; --line: #31353b; --grid: #272b30; --accent: #6cb0ff;
}
:root[data-theme="light"] { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 14px/1.45 system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
main { max-width: 1500px; margin: 0 auto; padding: 20px 24px 48px; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 8px 24px; margin-bottom: 14px; }
h1 { font-size: 22px; font-weight: 650; margin: 0; }
.controls { display: flex; flex-wrap: wrap; gap: 8px 18px; margin-left: auto; color: var(--weak); }
.controls label, .runs label { cursor: pointer; user-select: none; }
button { font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 1px 10px; cursor: pointer; }
.scroll { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
.summary th, .summary td { text-align: right; padding: 6px 14px; white-space: nowrap; border-bottom: 1px solid var(--line); }
.summary tr:last-child td { border-bottom: 0; }
.summary th { color: var(--weak); font-weight: 500; }
.summary th:first-child, .summary td:first-child { text-align: left; }
.chip { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 7px; vertical-align: -1px; }
.best { color: var(--weak); font-size: 12px; margin-left: 6px; }
h2 { font-size: 15px; font-weight: 600; margin: 26px 0 10px; color: var(--weak); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 430px), 1fr)); gap: 16px; margin-top: 16px; }
.chart { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px 8px; min-width: 0; }
.chart h3 { font-size: 14px; font-weight: 600; margin: 0 0 4px 4px; }
.note { color: var(--weak); font-size: 12px; margin: 2px 0 0 4px; }
.key { color: var(--weak); margin: 8px 2px 0; font-size: 13px; }
.key svg { vertical-align: middle; margin: 0 4px 0 12px; }
.u-legend { display: block; max-height: 9em; overflow-y: auto; color: var(--text); font-size: 12px; text-align: left !important; font-variant-numeric: tabular-nums; }
.u-legend .u-series > * { padding: 1px 4px; }
.u-legend .u-marker { height: 3px; border-radius: 2px; }
.u-legend.u-inline .u-series { margin-right: 6px; }
.u-select { background: color-mix(in srgb, var(--accent) 18%, transparent); }
.u-cursor-x, .u-cursor-y { border-color: var(--weak) !important; }
@media print { .controls { display: none; } .chart { break-inside: avoid; } }
`;
