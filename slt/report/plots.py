"""The table as a plot with intervals, and learning curves: small SVG that is as wide as the page lets it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slt.report.finished import Curve
from slt.report.markup import Markup, join, number, percent, tag
from slt.report.scale import Axis, around, label

# Okabe and Ito's colours, told apart also by the colour-blind.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#5a5a5a", "#8c510a")
TEST, DEV, LINE = "#0072b2", "#8a939c", "#cfd6dd"
_POINTS = 200  # of a curve
_HIGH = 190  # pixels of a panel of curves


@dataclass(frozen=True)
class Score:
    """A score in per cent, with the ends of its interval, if it has one."""

    value: float
    interval: tuple[float, float] | None = None

    def text(self) -> str:
        """The score as it is read: "67.6 [63.9, 71.4]"."""
        ends = "" if self.interval is None else f" [{self.interval[0]:.1f}, {self.interval[1]:.1f}]"
        return f"{self.value:.1f}{ends}"


@dataclass(frozen=True)
class Bar:
    """A row of the plot. foreign: of others, not measured here."""

    label: str
    dev: Score | None
    test: Score | None
    foreign: bool = False


def interval_plot(title: str, note: str, bars: Sequence[Bar]) -> Markup:
    """A figure: a line a row, with its test score and interval, and fainter that of dev."""
    scores = [s for bar in bars for s in (bar.dev, bar.test) if s is not None]
    ends = [v for s in scores for v in (s.value, *(s.interval or ()))]
    axis = around(ends, zero=True)
    lines = [_bar(bar, axis) for bar in bars]
    head = tag("figcaption", {}, tag("strong", {}, title), " ", tag("span", {"class": "soft"}, note))
    scale = tag("div", {"class": "bar"}, tag("span", {"class": "name"}), _scale(axis), tag("span"))
    return tag("figure", {"class": "panel intervals"}, head, *lines, scale)


def _bar(bar: Bar, axis: Axis) -> Markup:
    grid = [tag("line", {"x1": p, "x2": p, "y1": 0, "y2": 34, "stroke": "#eceff2"})
            for p in (percent(axis.share(t)) for t in axis.ticks())]  # fmt: skip
    marks = [_mark(score, axis, y, colour, hollow or bar.foreign)
             for score, y, colour, hollow in ((bar.dev, 10, DEV, True), (bar.test, 23, TEST, False))
             if score is not None]  # fmt: skip
    told = ", ".join(f"{name} {s.text()}" for name, s in (("dev", bar.dev), ("test", bar.test)) if s is not None)
    track = tag("svg", {"class": "track", "height": 34, "role": "img", "aria-label": f"{bar.label}: {told}"},
                *grid, *marks)  # fmt: skip
    shown = bar.test or bar.dev
    value = tag("span", {"class": "value"}, shown.text() if shown else "")
    return tag("div", {"class": "bar"}, tag("span", {"class": "name"}, bar.label), track, value)


def _mark(score: Score, axis: Axis, y: int, colour: str, hollow: bool) -> Markup:
    at = percent(axis.share(score.value))
    dot = tag("circle", {"cx": at, "cy": y, "r": 4 if hollow else 5, "fill": "#fff" if hollow else colour,
                         "stroke": colour, "stroke-width": 2})  # fmt: skip
    if score.interval is None:
        return dot
    low, high = (percent(axis.share(v)) for v in score.interval)
    values = {"x1": low, "x2": high, "y1": y, "y2": y, "stroke": colour, "stroke-width": 2}
    return join(tag("line", values), dot)


def _scale(axis: Axis) -> Markup:
    ticks = axis.ticks()
    return tag("svg", {"class": "track", "height": 16, "aria-hidden": "true"},
               *(tag("text", {"x": percent(axis.share(t)), "y": 12, "text-anchor": _anchor(axis.share(t))}, label(t))
                 for t in ticks))  # fmt: skip


def _anchor(share: float) -> str:
    """So that the first and the last label stay within the picture."""
    return "start" if share < 3 else "end" if share > 97 else "middle"


def curve_panels(curves: Sequence[Curve]) -> list[Markup]:
    """A panel for each measure of each kind of training, the trainings of that kind over each other."""
    groups: dict[tuple[str, str], list[Curve]] = {}
    for curve in curves:
        groups.setdefault((_kind(curve.label), curve.name), []).append(curve)
    return [_panel(f"{kind}: {name}", some) for (kind, name), some in groups.items()]


def _kind(training: str) -> str:
    """What kind of training a stage is, by its name: those of one kind can be laid over each other."""
    name = training.partition("-s")[0] if training.rpartition("-s")[2].isdigit() else training
    for kind in ("recogniser", "refiner", "gloss2text", "sign2text"):
        if kind in name:
            return kind
    return "translator"


def _panel(title: str, curves: Sequence[Curve]) -> Markup:
    across = around([s for c in curves for s in c.steps], zero=True)
    up = around([v for c in curves for v in c.values], log=True)
    colours = [COLOURS[k % len(COLOURS)] for k in range(len(curves))]
    lines = [_line(curve, across, up, colour, k // len(COLOURS))
             for k, (curve, colour) in enumerate(zip(curves, colours, strict=True))]  # fmt: skip
    rules = [tag("line", {"x1": 0, "x2": 1000, "y1": y, "y2": y, "stroke": "#eceff2", "vector-effect": _FIXED})
             for y in (number(1000 - 10 * up.share(t)) for t in up.ticks())]  # fmt: skip
    values = {"class": "plot", "viewBox": "0 0 1000 1000", "preserveAspectRatio": "none", "role": "img",
              "height": _HIGH, "aria-label": title}  # fmt: skip
    beside = tag("svg", {"class": "up", "height": _HIGH, "aria-hidden": "true"},
                 *(tag("text", {"x": "100%", "y": percent(_inside(100 - up.share(t))), "text-anchor": "end",
                                "dominant-baseline": "middle"}, label(t)) for t in up.ticks()))  # fmt: skip
    below = tag("svg", {"class": "across", "height": 16, "aria-hidden": "true"},
                *(tag("text", {"x": percent(across.share(t)), "y": 12, "text-anchor": _anchor(across.share(t))},
                      label(t)) for t in across.ticks(4)))  # fmt: skip
    key = tag("ul", {"class": "key"}, *(
        tag("li", {}, _swatch(colour), curve.label, tag("span", {"class": "soft"}, f" {curve.values[-1]:.3g}"))
        for curve, colour in zip(curves, colours, strict=True)))  # fmt: skip
    scale = tag("span", {"class": "soft"}, " logarithmic") if up.log else ""
    return tag("figure", {"class": "panel"}, tag("figcaption", {}, tag("strong", {}, title), scale),
               tag("div", {"class": "chart"}, beside, tag("svg", values, *rules, *lines), tag("span"), below),
               key)  # fmt: skip


_FIXED = "non-scaling-stroke"


def _inside(share: float) -> float:
    """So that half a line of text fits at both ends."""
    return min(max(share, 4.0), 96.0)


def _line(curve: Curve, across: Axis, up: Axis, colour: str, dashed: int) -> Markup:
    stride = -(-len(curve.steps) // _POINTS)
    kept = sorted({*range(0, len(curve.steps), stride), len(curve.steps) - 1})
    points = " ".join(
        f"{number(10 * across.share(curve.steps[k]))},{number(1000 - 10 * up.share(curve.values[k]))}" for k in kept
    )
    return tag("polyline", {"points": points, "fill": "none", "stroke": colour, "stroke-width": 1.8,
                            "stroke-dasharray": "5 3" if dashed else None, "vector-effect": _FIXED})  # fmt: skip


def _swatch(colour: str) -> Markup:
    return tag("svg", {"class": "swatch", "width": 18, "height": 10, "aria-hidden": "true"},
               tag("line", {"x1": 0, "x2": 18, "y1": 5, "y2": 5, "stroke": colour, "stroke-width": 3}))  # fmt: skip
