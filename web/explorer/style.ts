/** How the explorer looks, in the light and in the dark. The colours of parts are those of the pictures (codegen/picture/palette.ts). */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --back: #f6f7f9; --card: #ffffff; --text: #1b1f24; --weak: #57606a; --line: #d5d9df; --soft: #eceff3; --accent: #0b5fbd; --chosen: #fff3bf;
  --forward: #0072b2; --forward-light: #e3f1fa; --again: #9b3f78; --again-light: #f6dfec; --backward: #b84a00; --backward-light: #fdebdd;
  --update: #00795a; --update-light: #def3eb; --source: #6e7781; --source-light: #ffffff;
  --added: #116329; --added-light: #d7f5df; --removed: #a40e26; --removed-light: #ffe1e1; --rewritten: #7d4e00; --rewritten-light: #fff0c8;
  --code-word: #8250df; --code-number: #0550ae; --code-string: #116329; --code-comment: #6a737d; --code-type: #953800; --code-name: #1b1f24;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0f1216; --card: #171b20; --text: #e6e9ed; --weak: #9aa4af; --line: #333a43; --soft: #232931; --accent: #79b8ff; --chosen: #4d4000;
    --forward: #5cb3e8; --forward-light: #12303f; --again: #e08cc0; --again-light: #3d1c30; --backward: #f0985a; --backward-light: #40230f;
    --update: #4fc8a2; --update-light: #0f3529; --source: #8d97a3; --source-light: #1d2229;
    --added: #6fdd8b; --added-light: #11351c; --removed: #ff9a9a; --removed-light: #431a1d; --rewritten: #f2c55c; --rewritten-light: #3b2d08;
    --code-word: #d2a8ff; --code-number: #79c0ff; --code-string: #8ddb8c; --code-comment: #8b949e; --code-type: #ffa657; --code-name: #e6e9ed;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html, body { height: 100%; margin: 0; }
body { background: var(--back); color: var(--text); font: 14px/1.45 system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
body[aria-busy] { cursor: progress; }
.page { display: flex; flex-direction: column; height: 100%; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 16px; padding: 8px 16px; background: var(--card); border-bottom: 1px solid var(--line); }
h1 { font-size: 17px; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 15px; margin: 14px 0 4px; overflow-wrap: anywhere; }
h3 { font-size: 13px; margin: 10px 0 4px; color: var(--weak); font-weight: 600; }
p { margin: 4px 0; }
.note, small { color: var(--weak); font-size: 12px; margin: 0; }
.warning { background: var(--rewritten-light); color: var(--rewritten); padding: 6px 16px; margin: 0; white-space: pre-wrap; }
button, select, input { font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 2px 8px; max-width: 100%; }
button { cursor: pointer; }
button:disabled { color: var(--weak); opacity: 0.6; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.link { border: 0; padding: 0; background: none; color: var(--accent); text-align: left; overflow-wrap: anywhere; }
.link:hover { text-decoration: underline; }
.search { position: relative; margin-left: auto; flex: 0 1 330px; }
.search input { width: 100%; }
.results { position: absolute; right: 0; top: 100%; z-index: 5; width: min(560px, 92vw); max-height: 60vh; overflow: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; box-shadow: 0 8px 24px rgb(0 0 0 / 0.2); padding: 6px; }
.results button { display: block; width: 100%; border: 0; text-align: left; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.results button:hover, .results button:focus { background: var(--soft); }
.kind { display: inline-block; min-width: 52px; color: var(--weak); font-size: 12px; }
.tabs { display: flex; gap: 2px; padding: 6px 16px 0; background: var(--card); border-bottom: 1px solid var(--line); }
.tabs button { border: 0; border-bottom: 3px solid transparent; border-radius: 0; padding: 4px 12px 6px; background: none; color: var(--weak); }
.tabs button[aria-selected="true"] { color: var(--text); border-color: var(--accent); font-weight: 600; }
main { flex: 1; min-height: 0; display: flex; }
.view { flex: 1; min-width: 0; min-height: 0; display: grid; grid-template-columns: 236px minmax(0, 1fr) 330px; }
.view.memory { grid-template-columns: minmax(0, 1fr) 330px; }
.side, .details { overflow: auto; background: var(--card); padding: 8px; }
.side { border-right: 1px solid var(--line); }
.details { border-left: 1px solid var(--line); padding: 4px 14px 20px; }
.choices { display: flex; flex-direction: column; gap: 1px; }
.choice { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 8px; padding: 4px 8px; border-radius: 6px; cursor: pointer; border-left: 3px solid transparent; }
.choice:hover { background: var(--soft); }
.choice[aria-selected="true"] { background: var(--soft); border-left-color: var(--accent); }
.choice .name { font-weight: 600; overflow-wrap: anywhere; }
.choice .count { color: var(--weak); font-size: 12px; margin-left: auto; }
.changes { display: flex; gap: 4px; width: 100%; }
.mark { font-size: 11px; font-variant-numeric: tabular-nums; border-radius: 4px; padding: 0 4px; background: var(--soft); color: var(--weak); }
.mark.added { background: var(--added-light); color: var(--added); }
.mark.removed { background: var(--removed-light); color: var(--removed); }
.mark.rewritten { background: var(--rewritten-light); color: var(--rewritten); }
.share { display: block; height: 4px; width: 100%; border-radius: 2px; background: linear-gradient(to right, var(--accent) calc(100% * var(--share, 0)), var(--soft) 0); }
.graphs, .middle { display: flex; flex-direction: column; min-width: 0; min-height: 0; }
.bar { display: flex; gap: 8px; padding: 6px 10px; }
.segmented { display: flex; }
.segmented button { border-radius: 0; margin-left: -1px; }
.segmented button:first-child { border-radius: 6px 0 0 6px; }
.segmented button:last-child { border-radius: 0 6px 6px 0; }
.segmented [aria-pressed="true"] { background: var(--accent); color: var(--card); border-color: var(--accent); }
.panes { flex: 1; min-height: 0; display: flex; gap: 8px; padding: 0 10px 8px; }
.pane { flex: 1; min-width: 0; display: flex; flex-direction: column; background: var(--card); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.pane h3 { margin: 6px 10px 0; }
.pane .note { padding: 0 10px; }
.tools { display: flex; flex-wrap: wrap; gap: 4px; padding: 4px 10px; align-items: center; }
.graph { flex: 1; width: 100%; min-height: 0; touch-action: none; cursor: grab; user-select: none; }
.graph:active { cursor: grabbing; }
.edge { fill: none; stroke: var(--weak); stroke-width: 1; opacity: 0.55; }
.edge.long { opacity: 0.14; }
.edge.chosen { stroke: var(--accent); stroke-width: 2.5; opacity: 1; }
.box { cursor: pointer; outline: none; }
.box rect { stroke-width: 1.4; stroke: var(--source); fill: var(--source-light); }
.box.forward rect { stroke: var(--forward); fill: var(--forward-light); }
.box.again rect { stroke: var(--again); fill: var(--again-light); }
.box.backward rect { stroke: var(--backward); fill: var(--backward-light); }
.box.update rect { stroke: var(--update); fill: var(--update-light); }
.box.group rect { stroke-width: 2.6; }
.box.added rect { stroke: var(--added); stroke-width: 2.6; }
.box.removed rect { stroke: var(--removed); stroke-width: 2.6; stroke-dasharray: 5 3; }
.box.rewritten rect { stroke: var(--rewritten); stroke-width: 2.6; }
.box text { fill: var(--text); font: 12px ui-monospace, "Liberation Mono", Menlo, Consolas, monospace; }
.box .about { fill: var(--weak); font-size: 10px; }
.box .badge { font-weight: 700; font-size: 14px; }
.box.added .badge { fill: var(--added); } .box.removed .badge { fill: var(--removed); } .box.rewritten .badge { fill: var(--rewritten); }
.box.chosen rect { fill: var(--chosen); stroke: var(--accent); stroke-width: 3.2; }
.box:focus-visible rect { stroke: var(--accent); stroke-width: 4; }
.graph.far .about { display: none; }
.printed { border-top: 1px solid var(--line); background: var(--card); }
.printed summary { padding: 4px 12px; cursor: pointer; color: var(--weak); }
.printed .code { height: 34vh; }
.steps { max-height: 34%; overflow: auto; padding: 6px 10px; background: var(--card); border-bottom: 1px solid var(--line); flex: none; }
.steps .choice { padding: 1px 8px; flex-wrap: nowrap; }
.steps .number { color: var(--weak); min-width: 20px; text-align: right; font-size: 12px; }
.steps .move { font-family: ui-monospace, "Liberation Mono", monospace; font-size: 12.5px; overflow-wrap: anywhere; }
.code { flex: 1; min-height: 0; overflow: hidden; background: var(--card); }
.cm-editor { height: 100%; font-size: 12.5px; }
.cm-editor .cm-gutters { background: var(--card); color: var(--weak); border-right: 1px solid var(--line); }
.cm-editor .cm-scroller { font-family: ui-monospace, "Liberation Mono", Menlo, Consolas, monospace; }
.cm-editor .cm-content { caret-color: var(--text); }
.cm-editor .cm-cursor { border-color: var(--text) !important; }
.cm-editor .cm-panels { background: var(--soft) !important; color: var(--text) !important; }
.cm-editor .cm-line.cm-new { background: var(--added-light); }
.cm-editor .cm-line.cm-made { background: var(--forward-light); cursor: pointer; }
.cm-editor .cm-line.cm-chosen { background: var(--chosen); box-shadow: inset 3px 0 var(--accent); }
dl { margin: 4px 0; }
.row { display: flex; gap: 10px; padding: 2px 0; }
dt { color: var(--weak); flex: none; width: 62px; }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere; flex: 1; }
dd .link + .link { margin-left: 8px; }
code { font: 12px ui-monospace, "Liberation Mono", monospace; }
code { display: block; background: var(--soft); border-radius: 4px; padding: 3px 6px; margin: 4px 0; overflow-wrap: anywhere; }
.facts { border-bottom: 1px solid var(--line); padding-bottom: 8px; }
ul, ol { margin: 2px 0 6px; padding-left: 18px; }
.section summary { cursor: pointer; font-weight: 600; margin-top: 8px; }
.details ul { list-style: none; padding-left: 0; }
.details li { margin: 4px 0; }
.details li .link { font-family: ui-monospace, "Liberation Mono", monospace; font-size: 12px; }
.memory .middle { overflow: auto; padding: 10px; gap: 10px; }
.chart { overflow: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px; flex: none; }
.chart svg { display: block; }
.chart svg:not(.long) { width: 100%; height: auto; min-width: 560px; }
.band { fill: var(--card); } .band.even { fill: var(--soft); }
.axis { fill: var(--weak); font-size: 11px; }
.buffer { cursor: pointer; outline: none; }
.buffer rect { fill: var(--forward-light); stroke: var(--forward); }
.buffer text { fill: var(--text); font-size: 11px; }
.buffer.chosen rect { fill: var(--chosen); stroke: var(--accent); stroke-width: 3; }
.buffer:focus-visible rect { stroke: var(--accent); stroke-width: 3; }
.live { fill: var(--forward); opacity: 0.75; }
.level { stroke: var(--text); } .level.dashed { stroke-dasharray: 6 4; }
.segments { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 4px 14px 12px; overflow-x: auto; flex: none; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 2px 12px 2px 0; border-bottom: 1px solid var(--soft); }
td.number, th.number { text-align: right; }
@media (max-width: 900px) {
  html, body, .page { height: auto; }
  main { display: block; }
  .view, .view.memory { display: block; }
  .side { border-right: 0; border-bottom: 1px solid var(--line); max-height: 190px; }
  .details { border-left: 0; border-top: 1px solid var(--line); }
  .search { flex-basis: 100%; margin-left: 0; }
  .panes { flex-direction: column; }
  .pane { flex: none; height: 62vh; min-height: 320px; }
  .middle > .code { height: 60vh; }
  .steps { max-height: 200px; }
  .tabs { padding-left: 6px; overflow-x: auto; }
  .results { left: 0; right: auto; }
}
@media (prefers-reduced-motion: no-preference) { .choice { transition: background 0.12s; } }
`;
