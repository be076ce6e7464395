"""Discs in a plane: places on a map, or communities with links between them, as SVG inside a figure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gpupipe.report.charts import Axis, figure, grid, tick_text
from gpupipe.report.markup import cut, element, escape

WIDTH, HEIGHT, MARGIN = 520.0, 400.0, 8.0
LEAST_RADIUS, LEAST_LABELLED = 3.0, 11.0  # pixels; in a smaller disc no label can be read
WIDEST_LINK = 9.0
SHADES = 8


@dataclass(frozen=True)
class Disc:
    """A disc: where it stands, its radius, what is written in it, what is told of it, and a value that its colour shows, if any.

    Parameters
    ----------
    x, y, radius
        In one unit, be it that of the axes or of no axis at all.
    value
        From -1 to 1: one colour below 0 and one above, the stronger the farther.
    """

    x: float
    y: float
    radius: float
    label: str
    told: str
    value: float | None = None


def disc_chart(title: str, discs: Sequence[Disc], links: Sequence[tuple[int, int, float]], axes: tuple[str, str] | None) -> str:
    """Return discs and the links between them, as a figure.

    Parameters
    ----------
    links
        From which disc to which, by their places, and how strong, above 0.
    axes
        The titles of both axes; None where places mean nothing by themselves. With axes, radii are pixels, and a step to the right is as
        long as one up.
    """
    x, y, scale = _scaled(discs, axes)
    drawn = [] if axes is None else [grid(x, y)]
    strongest = max((weight for *_, weight in links), default=1.0)
    for first, second, weight in sorted(links, key=lambda link: link[2]):
        ends = [(x.at(discs[place].x), y.at(discs[place].y)) for place in (first, second)]
        width = max(WIDEST_LINK * math.sqrt(weight / strongest), 0.4)
        drawn.append(f'<path class="link" stroke-width="{width:.3g}" d="M{ends[0][0]:g} {ends[0][1]:g}L{ends[1][0]:g} {ends[1][1]:g}"/>')
    for disc in sorted(discs, key=lambda one: -one.radius):
        radius = max(disc.radius * scale if axes is None else disc.radius, LEAST_RADIUS)
        drawn.append(_disc(disc, x.at(disc.x), y.at(disc.y), radius))
    return figure(title, "".join(drawn), WIDTH, HEIGHT, [])


def _disc(disc: Disc, x: float, y: float, radius: float) -> str:
    """Return a disc, with its label where there is room for it."""
    shade = "" if disc.value is None else f' fill-opacity="{0.15 + 0.8 * round(min(abs(disc.value), 1.0) * SHADES) / SHADES:.3g}"'
    style = "disc" if disc.value is None else "disc s0" if disc.value >= 0 else "disc s1"
    told = element("title", escape(disc.told))
    made = f'<circle class="{style}" cx="{x:g}" cy="{y:g}" r="{radius:.4g}"{shade}>{told}</circle>'
    if radius < LEAST_LABELLED or not disc.label:
        return made
    return made + element("text", escape(cut(disc.label, max(2, int(radius / 3.4)))), class_="label mid inside", x=f"{x:g}", y=f"{y + 4:g}")


def _scaled(discs: Sequence[Disc], axes: tuple[str, str] | None) -> tuple[Axis, Axis, float]:
    """Return both axes, with one scale for both directions, and the pixels of a unit."""
    of_radius = 1.0 if axes is None else 0.0  # how much of a disc's radius belongs to what is to be seen
    left, right, top, bottom = (MARGIN,) * 4 if axes is None else (48.0, 16.0, 30.0, 44.0)
    titles = axes or ("", "")
    rims = [(disc.x, disc.y, of_radius * disc.radius) for disc in discs] or [(0.0, 0.0, 1.0)]
    low_x, high_x = min(x - rim for x, _, rim in rims), max(x + rim for x, _, rim in rims)
    low_y, high_y = min(y - rim for _, y, rim in rims), max(y + rim for _, y, rim in rims)
    pad = 0.0 if of_radius else 0.06 * max(high_x - low_x, high_y - low_y, 1e-9)
    low_x, high_x, low_y, high_y = low_x - pad, high_x + pad, low_y - pad, high_y + pad
    across, up = WIDTH - left - right, HEIGHT - top - bottom
    scale = min(across / max(high_x - low_x, 1e-12), up / max(high_y - low_y, 1e-12))
    more_x, more_y = (across / scale - (high_x - low_x)) / 2, (up / scale - (high_y - low_y)) / 2
    x = Axis(low_x - more_x, high_x + more_x, left, WIDTH - right, titles[0], tick_text)
    y = Axis(low_y - more_y, high_y + more_y, HEIGHT - bottom, top, titles[1], tick_text)
    return x, y, scale
