"""Charts as SVG inside a figure: lines (ROC, training), an area (memory). Bars are a table, see `bars.py`.

Their legends are HTML lists in the figure's caption, so that they wrap, read aloud and print. Curves differ by dash as well as by
colour, and a curve's band has both of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gpupipe.report.markup import element, escape
from gpupipe.report.units import number_text

Points = Sequence[tuple[float, float]]

STYLES = 8  # as many `.s0`, `.s1`, ... as the style sheet knows


@dataclass(frozen=True)
class Axis:
    """A direction of a chart: the values `low` to `high` stand at the pixels `start` to `end`; of whole values, so are the ticks."""

    low: float
    high: float
    start: float
    end: float
    title: str = ""
    text: Callable[[float], str] = number_text
    whole: bool = False

    def at(self, value: float) -> float:
        """Return the pixel of a value; values outside stand at the rim."""
        span = self.high - self.low
        share = 0.0 if span <= 0 else (min(max(value, self.low), self.high) - self.low) / span
        return round(self.start + share * (self.end - self.start), 2)


@dataclass(frozen=True)
class DrawnCurve:
    """A curve, what the legend says of it, and its points."""

    label: str
    points: Points


@dataclass(frozen=True)
class Band:
    """What lies between two curves, and what the legend says of it.

    Parameters
    ----------
    low, high
        Points at the same places along.
    curve
        The number of the curve that it is of; None for one of its own.
    """

    label: str
    low: Points
    high: Points
    curve: int | None = None

    @property
    def style(self) -> str:
        """Its classes of the style sheet."""
        return "band" if self.curve is None else f"band {_style(self.curve)}"


def ticks(low: float, high: float, count: int = 5, *, whole: bool = False) -> list[float]:
    """Return round values between two bounds, about as many as asked for; fewer where they must be whole.

    The steps are 1, 2 or 5 times a power of ten (Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990).

    Examples
    --------
    >>> ticks(0.0, 1.0), ticks(0, 437), ticks(1, 3, whole=True)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 100.0, 200.0, 300.0, 400.0], [1.0, 2.0, 3.0])
    """
    if not (math.isfinite(low) and math.isfinite(high)) or high <= low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / count))
    step = min((factor * power for factor in (1, 2, 5, 10)), key=lambda size: abs((high - low) / size - count))
    step = max(step, 1.0) if whole else step
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 12) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def tick_text(value: float) -> str:
    """Return a tick's value in its shortest form.

    Examples
    --------
    >>> tick_text(0.2), tick_text(400.0), tick_text(20000)
    ('0.2', '400', '20,000')
    """
    return f"{value:,.0f}" if value == int(value) else f"{value:.6g}"


def room_for(y: Axis) -> float:
    """Return how many pixels the values beside an upward axis take, 46 at least: where the chart begins.

    Examples
    --------
    >>> room_for(Axis(0.0, 1.0, 290.0, 30.0, "", tick_text)), room_for(Axis(0.0036, 0.0044, 290.0, 30.0, "", tick_text))
    (46.0, 54.2)
    """
    longest = max(len(y.text(value)) for value in ticks(y.low, y.high, whole=y.whole))
    return max(46.0, round(11 + 7.2 * longest, 1))


def thinned(points: Points, x: Axis, y: Axis) -> list[tuple[float, float]]:
    """Return the points in pixels, without those that no eye could tell from the one before."""
    kept: list[tuple[float, float]] = []
    for value, height in points:
        if math.isfinite(value) and math.isfinite(height):
            place = (x.at(value), y.at(height))
            if not kept or abs(place[0] - kept[-1][0]) + abs(place[1] - kept[-1][1]) >= 0.7:
                kept.append(place)
    finite = [(value, height) for value, height in points if math.isfinite(value) and math.isfinite(height)]
    if finite and kept[-1] != (last := (x.at(finite[-1][0]), y.at(finite[-1][1]))):
        kept.append(last)
    return kept


def _style(number: int) -> str:
    """Return the classes of a curve by its number; those of further curves than there are colours are drawn wider."""
    return f"s{number % STYLES}" + (" more" if number >= STYLES else "")


def line_chart(title: str, curves: Sequence[DrawnCurve], x: Axis, y: Axis, *, diagonal: bool = False, bands: Sequence[Band] = ()) -> str:
    """Return curves over a grid, as a figure with its legend; `diagonal` draws what guessing would give, bands lie below the curves."""
    drawn = [grid(x, y)]
    for band in bands:
        places = [*thinned(band.low, x, y), *reversed(thinned(band.high, x, y))]
        drawn.append(f'<path class="{band.style}" d="{_path(places)}z"/>')
    if diagonal:
        drawn.append(f'<path class="guess" d="M{x.start:g} {y.start:g}L{x.end:g} {y.end:g}"/>')
    for index, curve in enumerate(curves):
        places = thinned(curve.points, x, y)
        if len(places) == 1:
            drawn.append(f'<circle class="dot {_style(index)}" cx="{places[0][0]:g}" cy="{places[0][1]:g}" r="3"/>')
        drawn.append(f'<path class="line {_style(index)}" d="{_path(places)}"/>')
    return figure(title, "".join(drawn), x.end + 16, y.start + 44, [curve.label for curve in curves], bands)


def area_chart(title: str, points: Points, x: Axis, y: Axis, mark: float, mark_label: str) -> str:
    """Return one quantity over time as a filled area, its highest value marked."""
    places = thinned(points, x, y)
    drawn = grid(x, y)
    if places:
        floor = f"V{y.start:g}H{places[0][0]:g}z"
        drawn += f'<path class="area" d="{_path(places)}{floor}"/><path class="line s0" d="{_path(places)}"/>'
    height = y.at(mark)
    drawn += f'<path class="mark" d="M{x.start:g} {height:g}H{x.end:g}"/>'
    drawn += element("text", escape(mark_label), class_="value end", x=f"{x.end:g}", y=f"{height - 6:g}")
    return figure(title, drawn, x.end + 16, y.start + 44, [], wide=True)


def _path(places: Sequence[tuple[float, float]]) -> str:
    """Return points as SVG path data."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in places) if places else "M0 0"


def grid(x: Axis, y: Axis) -> str:
    """Return the lines of both axes with their values and titles."""
    drawn = []
    for value in ticks(y.low, y.high, whole=y.whole):
        height = y.at(value)
        drawn.append(f'<path class="grid" d="M{x.start:g} {height:g}H{x.end:g}"/>')
        drawn.append(element("text", escape(y.text(value)), class_="tick end", x=f"{x.start - 7:g}", y=f"{height + 4:g}"))
    drawn.append(f'<path class="axis" d="M{x.start:g} {y.start:g}H{x.end:g}"/>')
    for value in ticks(x.low, x.high, 5 if x.end - x.start < 600 else 10, whole=x.whole):
        place = x.at(value)
        drawn.append(f'<path class="axis" d="M{place:g} {y.start:g}v4"/>')
        drawn.append(element("text", escape(x.text(value)), class_="tick mid", x=f"{place:g}", y=f"{y.start + 17:g}"))
    middle = (x.start + x.end) / 2
    drawn.append(element("text", escape(x.title), class_="title mid", x=f"{middle:g}", y=f"{y.start + 36:g}"))
    drawn.append(element("text", escape(y.title), class_="title", x="0", y=f"{y.end - 13:g}"))
    return "".join(drawn)


def figure(
    title: str, drawn: str, width: float, height: float, legend: Sequence[str], bands: Sequence[Band] = (), *, wide: bool = False
) -> str:
    """Return the figure: its title, the drawing, and what each curve and each band is."""
    told = f"{title}: {'; '.join([*legend, *(band.label for band in bands)])}" if legend else title
    svg = (
        f'<svg class="chart" role="img" aria-label="{escape(told)}" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">{drawn}</svg>'
    )
    items = "".join(
        f'<li><svg class="chart key" aria-hidden="true" viewBox="0 0 26 8" width="26" height="8">'
        f'<path class="line {_style(index)}" d="M1 4H25"/></svg>{escape(label)}</li>'
        for index, label in enumerate(legend)
    )
    items += "".join(
        f'<li><svg class="chart key" aria-hidden="true" viewBox="0 0 26 8" width="26" height="8">'
        f'<path class="{band.style}" d="M1 1H25V7H1z"/></svg>{escape(band.label)}</li>'
        for band in bands
    )
    caption = element("figcaption", element("span", escape(title), class_="name") + (element("ul", items) if items else ""))
    return element("figure", caption + svg, class_="wide" if wide else None)
