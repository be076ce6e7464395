"""How the drawings and pages look: colours that read in light and in dark, on screen and on paper.

Text stands at least 4.5:1 against its ground, lines and marks 3:1 (WCAG 2.2, 1.4.3 and 1.4.11). No kind, status or curve is told by
colour alone: a word stands beside it.
"""

from __future__ import annotations

from pathlib import Path

# Kind: light line, light fill, dark line, dark fill.
_KIND_COLOURS = {
    "source": ("#2563c9", "#eaf1fd", "#7aa9f7", "#182742"),
    "row": ("#5b6b80", "#f1f4f7", "#9fb0c5", "#212934"),
    "key": ("#9a5700", "#fdf2e0", "#e5a94d", "#35270f"),
    "table": ("#7a4fc4", "#f3edfc", "#b795f0", "#2a2040"),
    "fit": ("#b83280", "#fcebf4", "#ee86bd", "#3a1a2c"),
    "learner": ("#c2382f", "#fdedeb", "#f28b82", "#3c1c1a"),
    "task": ("#8a4b08", "#fbeee0", "#e0a878", "#33220f"),
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
    "--s0:#2563c9;--s1:#c2410c;--s2:#1f7a46;--s3:#7a4fc4;--s4:#b83280;--s5:#0e7490;--s6:#8a5a00;--s7:#475569;--bar:#4d82d6;"
)
_DARK_PAGE = (
    "--ground:#0e1217;--card:#151a21;--ink:#e8edf4;--quiet:#a3afbf;--line:#2a323d;--soft:#1c232c;--accent:#8ab4f8;"
    "--good:#7ed6a1;--good-soft:#15301f;--bad:#ff9d94;--bad-soft:#351b1a;--warn:#f0bd6a;--warn-soft:#33260f;"
    "--s0:#7aa9f7;--s1:#f59e5f;--s2:#6cc892;--s3:#b795f0;--s4:#ee86bd;--s5:#5cc8de;--s6:#d9b04c;--s7:#a9b4c4;--bar:#5b8fe0;"
)


def _chips(line: int, fill: int) -> str:
    return "".join(f".chip.k-{kind},.lane.k-{kind}{{--k:{colours[line]};--f:{colours[fill]}}}" for kind, colours in _KIND_COLOURS.items())


_PAGE = (Path(__file__).with_name("templates") / "page.css").read_text(encoding="utf-8")

PAGE_CSS = (
    f":root{{color-scheme:light dark;{_LIGHT_PAGE}}}{_chips(0, 1)}"
    f"@media (prefers-color-scheme:dark){{:root{{{_DARK_PAGE}}}{_chips(2, 3)}}}"
    f"@media print{{:root{{color-scheme:light;{_LIGHT_PAGE}}}{_chips(0, 1)}}}"
    f"{_PAGE}"
)
