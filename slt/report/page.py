"""`report.html`: one file that loads nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from skeletor.files.atomic import write_text
from slt.report.bars import table_plots, whole_table
from slt.report.clips import Stores, best_and_worst, card
from slt.report.finished import Finished, curves, read_finished
from slt.report.joints import error_figures, unseen_figure
from slt.report.markup import Markup, join, tag
from slt.report.plots import curve_panels
from slt.viewer.page import asset, document, embedded

NAME = "report.html"


def write_report_page(folder: Path, out: Path | None = None) -> Path:
    """Write the page of the finished run in `folder`, to `out` or `report.html` beside `report.md`; gives its path.

    Raises InputError if it is no finished run, or its poses cannot be read, or the page cannot be written.
    """
    out = folder / NAME if out is None else out
    write_text(out, report_page(read_finished(folder)))
    return out


def report_page(run: Finished) -> str:
    """The text of the page."""
    scenes: dict[str, Any] = {}
    title = str(run.table.get("title", "run"))
    shown = [part for part in (_scores(run), _learning(run), _joints(run), *_clips(run, scenes)) if part]
    contents = tag("nav", {}, *(tag("a", {"href": f"#{key}"}, name) for key, name, _ in shown))
    sections = [tag("section", {"id": key}, tag("h2", {}, name), *parts) for key, name, parts in shown]
    script = asset("viewer.js") + _asset("report.js")
    style = asset("viewer.css") + _asset("report.css")
    body = join(tag("h1", {}, title), contents, *sections)
    data = "\n".join(embedded(key, scene) for key, scene in scenes.items())
    return document(join(f"{title} - Skeletor-SLT"), style, body, data, script)


Section = tuple[str, str, Sequence[Markup]]  # its id, its title, what it holds


def _scores(run: Finished) -> Section:
    return "scores", "Scores", [tag("div", {"class": "grid two"}, *table_plots(run.table)), whole_table(run.table)]


def _learning(run: Finished) -> Section | None:
    panels = curve_panels(curves(run.folder))
    return ("learning", "Learning curves", [tag("div", {"class": "grid"}, *panels)]) if panels else None


def _joints(run: Finished) -> Section | None:
    parts: list[Markup] = []
    if run.review.get("truth"):
        rows = [(row["label"], run.path(row["poses"])) for row in run.review["rows"] if row["name"] != "truth"]
        if figures := error_figures(rows, run.path(run.review["truth"])):
            about = f"Mean distance from the truth on {run.review['split']}, in shoulder widths."
            parts += [tag("p", {"class": "soft"}, about), tag("div", {"class": "grid"}, *figures)]
    if run.review.get("detected"):
        parts.append(tag("div", {"class": "grid"}, *unseen_figure(run.path(run.review["detected"]))))
    return ("joints", "Errors by joint", parts) if parts else None


def _clips(run: Finished, scenes: dict[str, Any]) -> list[Section]:
    best, worst = best_and_worst(run.review.get("clips", []))
    if not best and not worst:
        return []
    stores = Stores.of(run)
    about = tag("p", {"class": "soft"}, f"{(run.review.get('own') or {}).get('label', '')}; clips of "
                f"{run.review['split']}. Skeletons: grey before repair, coloured after it; a ring is a joint that the "
                "estimator did not see. Marked words differ from the other line.")  # fmt: skip
    made: list[Section] = []
    for key, name, some in (("best", "Best clips", best), ("worst", "Worst clips", worst)):
        cards = [card(run, clip, stores, scenes) for clip in some]
        if cards:
            made.append((key, name, [about, tag("div", {"class": "grid clips"}, *cards)]))
    return made


def _asset(name: str) -> str:
    return (files("slt.report") / "static" / name).read_text(encoding="utf-8")
