"""How the drawings and pages look: colours that read in light and in dark, on screen and on paper.

Text stands at least 4.5:1 against its ground, lines and marks 3:1 (WCAG 2.2, 1.4.3 and 1.4.11). No kind, status or curve is told by
colour alone: a word stands beside it.
"""

from __future__ import annotations

# Kind: light line, light fill, dark line, dark fill.
_KIND_COLOURS = {
    "source": ("#2563c9", "#eaf1fd", "#7aa9f7", "#182742"),
    "row": ("#5b6b80", "#f1f4f7", "#9fb0c5", "#212934"),
    "key": ("#9a5700", "#fdf2e0", "#e5a94d", "#35270f"),
    "table": ("#7a4fc4", "#f3edfc", "#b795f0", "#2a2040"),
    "fit": ("#b83280", "#fcebf4", "#ee86bd", "#3a1a2c"),
    "learner": ("#c2382f", "#fdedeb", "#f28b82", "#3c1c1a"),
    "apply": ("#1f7a46", "#e8f6ed", "#6cc892", "#15301f"),
    "value": ("#0e7490", "#e4f5f9", "#5cc3dc", "#10303a"),
    "sink": ("#3f4b5c", "#e4e8ee", "#c3cedd", "#2c3542"),
}

_LIGHT_DAG = "--g:#fff;--i:#18212d;--m:#556272;--e:#94a1b2;--a:#1a6b3c;"
_DARK_DAG = "--g:#151a21;--i:#e8edf4;--m:#a3afbf;--e:#66758a;--a:#6cc892;"


def _kinds(line: int, fill: int) -> str:
    return "".join(f".gp-dag .k-{kind}{{--k:{colours[line]};--f:{colours[fill]}}}" for kind, colours in _KIND_COLOURS.items())


DAG_CSS = (
    f".gp-dag{{{_LIGHT_DAG}font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}}{_kinds(0, 1)}"
    f"@media (prefers-color-scheme:dark){{.gp-dag{{{_DARK_DAG}}}{_kinds(2, 3)}}}"
    f"@media print{{.gp-dag{{{_LIGHT_DAG}}}{_kinds(0, 1)}}}"
    ".gp-dag .g{fill:var(--g)}"
    ".gp-dag .b{fill:var(--f);stroke:var(--k);stroke-opacity:.55;stroke-width:1}"
    ".gp-dag .k{fill:none;stroke:var(--k);stroke-width:3.5;stroke-linecap:round}"
    ".gp-dag .w{fill:var(--f);stroke:var(--k);stroke-width:1.5}"
    ".gp-dag .e{fill:none;stroke:var(--e);stroke-width:1.6}"
    ".gp-dag .f .e{stroke-dasharray:5 4}"
    ".gp-dag .h{fill:var(--e);stroke:none}"
    ".gp-dag text{fill:var(--m);font-size:11px;stroke:none}"
    ".gp-dag .t{fill:var(--i);font-size:13px;font-weight:600}"
    ".gp-dag .r{fill:var(--i);font-variant-numeric:tabular-nums}"
    ".gp-dag .o{fill:var(--a);font-weight:600}"
    ".gp-dag .off .b{fill:var(--g);stroke-dasharray:4 3}.gp-dag .off .t{fill:var(--m)}"
    ".gp-dag a{text-decoration:none;cursor:pointer}"
    ".gp-dag a:hover .b,.gp-dag a:focus .b{stroke-opacity:1;stroke-width:2}"
    ".gp-dag .hot .e{stroke:var(--i);stroke-width:2.2}.gp-dag .hot .h{fill:var(--i)}"
)

_LIGHT_PAGE = (
    "--ground:#f6f7f9;--card:#fff;--ink:#18212d;--quiet:#556272;--line:#e0e5eb;--soft:#f1f4f7;--accent:#1f5fbf;"
    "--good:#1a6b3c;--good-soft:#e4f5ea;--bad:#b3261e;--bad-soft:#fdeeec;--warn:#8a5000;--warn-soft:#fdf2e0;"
    "--s0:#2563c9;--s1:#c2410c;--s2:#1f7a46;--s3:#7a4fc4;--s4:#b83280;--bar:#4d82d6;"
)
_DARK_PAGE = (
    "--ground:#0e1217;--card:#151a21;--ink:#e8edf4;--quiet:#a3afbf;--line:#2a323d;--soft:#1c232c;--accent:#8ab4f8;"
    "--good:#7ed6a1;--good-soft:#15301f;--bad:#ff9d94;--bad-soft:#351b1a;--warn:#f0bd6a;--warn-soft:#33260f;"
    "--s0:#7aa9f7;--s1:#f59e5f;--s2:#6cc892;--s3:#b795f0;--s4:#ee86bd;--bar:#5b8fe0;"
)


def _chips(line: int, fill: int) -> str:
    return "".join(f".chip.k-{kind}{{--k:{colours[line]};--f:{colours[fill]}}}" for kind, colours in _KIND_COLOURS.items())


_PAGE = """
*{box-sizing:border-box}
html{background:var(--ground);-webkit-text-size-adjust:100%;scroll-behavior:smooth;scroll-padding-top:56px}
body{margin:0 auto;max-width:1180px;padding:36px 24px 72px;color:var(--ink);
font:15px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}
h1{font-size:30px;line-height:1.2;letter-spacing:-.015em;margin:2px 0 6px;display:flex;flex-wrap:wrap;align-items:center;
gap:8px 14px;overflow-wrap:anywhere}
h2{font-size:19px;letter-spacing:-.005em;margin:0 0 14px}
h3{font-size:15px;margin:22px 0 10px}
p{margin:0 0 12px}
a{color:var(--accent);text-underline-offset:2px}
a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:4px}
code{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;overflow-wrap:anywhere}
.eyebrow{color:var(--quiet);font-size:13px;font-weight:600;letter-spacing:.02em;margin:0}
.meta,.lead,.quiet,.note{color:var(--quiet)}
.lead{max-width:72ch;text-wrap:pretty}
.beside>.scroll:first-child{padding-top:2px}
.note{font-size:13px;margin:2px 0 0;overflow-wrap:anywhere}
.status{font-size:13px;font-weight:600;letter-spacing:0;padding:3px 11px;border-radius:99px;
background:var(--soft);color:var(--quiet)}
.status.ok{background:var(--good-soft);color:var(--good)}
.status.failed{background:var(--bad-soft);color:var(--bad)}
.status.interrupted{background:var(--warn-soft);color:var(--warn)}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;margin:22px 0 0;background:var(--line);
border:1px solid var(--line);border-radius:12px;overflow:hidden}
.tiles div{background:var(--card);padding:14px 18px 13px}
.tiles dt{color:var(--quiet);font-size:13px}
.tiles dd{margin:1px 0 0;font-size:22px;font-weight:600;letter-spacing:-.01em;font-variant-numeric:tabular-nums}
.tiles small{display:block;font-size:12.5px;font-weight:400;letter-spacing:0;color:var(--quiet)}
.error,.stopped{border-radius:12px;padding:16px 20px;margin:18px 0 0;background:var(--bad-soft);border-left:4px solid var(--bad)}
.stopped{background:var(--warn-soft);border-color:var(--warn)}
.error h2{color:var(--bad);font-size:16px;margin:0 0 4px}
.error .message{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
.error ul{margin:10px 0 0;padding-left:18px}
.error li{white-space:pre-wrap;overflow-wrap:anywhere;font-size:14px}
nav{position:sticky;top:0;z-index:2;background:var(--ground);margin:22px -24px 0;padding:0 24px;overflow-x:auto}
nav ul{display:flex;gap:20px;list-style:none;margin:0;padding:11px 0;white-space:nowrap;border-bottom:1px solid var(--line);
width:max-content;min-width:100%}
nav a{color:var(--quiet);text-decoration:none;font-size:14px}
nav a:hover{color:var(--ink);text-decoration:underline}
section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:22px 24px 24px;margin:20px 0 0;min-width:0}
.scroll{overflow-x:auto}
.scroll>.gp-dag{display:block;margin:0 auto}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.scroll{position:relative}
th,td{text-align:left;vertical-align:top;padding:8px 14px 8px 0;border-top:1px solid var(--line);font-weight:400}
td:last-child,th:last-child{padding-right:0}
thead th{border-top:0;color:var(--quiet);font-size:13px;white-space:nowrap;padding-top:0}
.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td .num{white-space:normal}
.stages tr:target>*,.plan>li:target{background:var(--soft)}
.stages th[scope=row]{min-width:210px}
.stages td:first-child{color:var(--quiet);padding-left:10px}
.stages td:last-child{min-width:96px}
.where{display:block;color:var(--quiet);font-size:12px}
.stretch-head th,.stretch-head td{background:var(--soft);font-weight:600;font-size:13px;border-top:1px solid var(--line)}
.stretch-head th{padding-left:12px;border-radius:6px 0 0 0}
.stretch-head td:last-child{padding-right:8px}
.stretch td:first-child,.stretch-head th{border-left:3px solid var(--bar)}
.stretch+tbody tr:first-child>*{border-top:1px solid var(--line)}
.chip{display:inline-block;white-space:nowrap;font-size:12px;line-height:1.5;padding:1px 8px;border-radius:99px;background:var(--f);
color:var(--k)}
.track{display:block;height:7px;border-radius:4px;background:var(--soft);margin:7px 0 1px}
.stretch-head .track{background:var(--line)}
.track .bar{display:block;height:100%;border-radius:4px;background:var(--bar)}
.share{font-size:12px;color:var(--quiet);font-weight:400;font-variant-numeric:tabular-nums}
details{margin:8px 0 0;border-top:1px solid var(--line);padding:8px 0 0}
.stages+*{margin-top:14px}
.scroll+details{margin-top:18px}
summary{cursor:pointer;font-size:14px}
details[open]>summary{margin-bottom:10px}
.facts{display:grid;margin:0;font-size:14px}
.facts div{display:grid;grid-template-columns:minmax(90px,38%) 1fr;gap:14px;padding:5px 0;border-top:1px solid var(--line)}
.facts dt{color:var(--quiet);overflow-wrap:anywhere}
.facts dd{margin:0;overflow-wrap:anywhere}
.panels{display:grid;grid-template-columns:repeat(auto-fit,minmax(270px,1fr));gap:8px 36px}
.panel h3{margin-top:0}
.plan{list-style:none;margin:0;padding:0}
.plan>li{border-top:1px solid var(--line);padding:12px 0}
.plan>li:first-child{border-top:0;padding-top:0}
.plan .where{display:inline;margin-left:10px}
.plan .number{display:inline-block;min-width:34px;color:var(--quiet);font-variant-numeric:tabular-nums}
.plan .note,.plan details{margin-left:34px}
.names code{background:var(--soft);border-radius:4px;padding:1px 6px;white-space:nowrap}
.names{line-height:1.9}
.schemas details{margin-left:18px}
.plan details{border-top:0;padding-top:2px;margin-top:2px}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:26px 36px;
margin:18px 0 8px;align-items:start}
figure{margin:0;min-width:0}
figcaption{font-size:13px;color:var(--quiet);margin:0 0 10px}
figcaption .name{display:block;color:var(--ink);font-weight:600;font-size:14px}
figcaption ul{list-style:none;margin:4px 0 0;padding:0;display:flex;flex-wrap:wrap;gap:2px 18px}
figcaption li{display:flex;align-items:center;gap:7px}
.chart{display:block;max-width:100%;height:auto}
.chart.key{flex:none}
.chart text{fill:var(--quiet);
font:11.5px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;font-variant-numeric:tabular-nums}
.chart .label,.chart .value{fill:var(--ink);font-size:12px}
.chart .end{text-anchor:end}.chart .mid{text-anchor:middle}
.chart .grid{stroke:var(--line);fill:none}.chart .axis{stroke:var(--quiet);fill:none}
.chart .line{fill:none;stroke-width:2;stroke-linejoin:round}
.chart .guess{stroke:var(--quiet);stroke-dasharray:3 4;fill:none}
.chart .mark{stroke:var(--quiet);stroke-dasharray:2 3;fill:none}
.chart .area{fill:var(--s0);fill-opacity:.13}
.chart .bar{fill:var(--bar)}
.line.s0{stroke:var(--s0)}.line.s1{stroke:var(--s1);stroke-dasharray:7 3}.line.s2{stroke:var(--s2);stroke-dasharray:2 2.5}
.line.s3{stroke:var(--s3);stroke-dasharray:9 3 2 3}.line.s4{stroke:var(--s4);stroke-dasharray:4 4}
.dot.s0{fill:var(--s0)}.dot.s1{fill:var(--s1)}.dot.s2{fill:var(--s2)}.dot.s3{fill:var(--s3)}.dot.s4{fill:var(--s4)}
@media (max-width:640px){body{padding:22px 14px 48px}section{padding:16px 14px 18px;border-radius:10px}
nav{margin:16px -14px 0;padding:0 14px}.tiles{grid-template-columns:repeat(2,1fr)}
h1{font-size:25px}.wide{overflow-x:auto}.wide .chart{max-width:none;width:640px}}
@media print{html{background:#fff}body{max-width:none;padding:0;font-size:11pt}nav,script{display:none}
section{border:0;padding:0;margin:22px 0 0}.scroll{overflow:visible}
.scroll>.gp-dag{max-width:100%!important;min-width:0!important;max-height:94vh}
figure,tr,.facts div,.tiles,.error{break-inside:avoid}h2,h3{break-after:avoid}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
"""

PAGE_CSS = (
    f":root{{color-scheme:light dark;{_LIGHT_PAGE}}}{_chips(0, 1)}"
    f"@media (prefers-color-scheme:dark){{:root{{{_DARK_PAGE}}}{_chips(2, 3)}}}"
    f"@media print{{:root{{color-scheme:light;{_LIGHT_PAGE}}}{_chips(0, 1)}}}"
    f"{_PAGE}"
)
