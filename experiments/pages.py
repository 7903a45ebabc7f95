"""What pages show of results: tables of README.md and docs/*.md between pairs of markers, and the README's picture.

Experiments by name: `claims` (the shares of "Is it better than a smoother?"), `lifters-page`, `run-page` (the tables of
a run), `picture`. Nothing is computed anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from experiments.portable import portable
from experiments.report import interval, table
from experiments.request import RESULTS, ROOT, Request
from skeletor.files.atomic import write_text
from skeletor.io.store import open_store
from skeletor.poses.normalise import denormalise
from skeletor.poses.pose import PoseSequence
from skeletor.support.config import Config
from skeletor.support.errors import InputError
from skeletor.support.progress import log
from slt.inference.view import make_still
from slt.pipeline.stages.cascades import cascade_label, cascade_of
from slt.synthetic.build import video_path

NETWORKS = ("Skeletor", "temporal MLP")
# row of lifters.json -> label of chain_lifters.json
ROWS = {
    "flat, z = 0": "flat (x and y alone)",
    "IK reference (first clips)": "IK reference",
    "IK fast": "IK fast",
    "ridge, 9 frames": None,
    "anatomy": "anatomy",
    "uplift-upsample, sequence output": "uplift-upsample, sequence output",
    "joint-token": "joint-token",
}
PARTS = ("rendered video, real detections", "captured arms (CMU), an activity")
# how it was trained -> row of table 6
DETECTED = {
    "trained on known motion": "Skeletor (the run's, known motion)",
    "unsupervised": "Skeletor (the run's)",
    "the package's": "Skeletor, no harm",
}
ERRORS = "test: error against the truth (shoulder widths)"
SUMMARY = ("raw-2d", "raw", "savgol", "skeletor", "skeletor-motion", "skeletor-shipped", "truth")  # rows
BRIEF = ("", "dev BLEU-4", "dev ROUGE", "test BLEU-4", "test BLEU-1", "test ROUGE", "test BLEU-4, 95 %", "p")


class NoOptions(Config):
    """There are none."""


class RunPage(Config):
    """config: of the run. brief: fewer columns and notes on the page. options: others that the run was started with."""

    config: str
    brief: bool = False
    options: str = ""


class Picture(Config):
    """Where the picture goes."""

    picture: str = "docs/raw_and_refined.png"


class NoPlace(InputError):
    """No page has the markers of a table."""


def fill_result(request: Request, sections: Sequence[str], command: str) -> None:
    """Put a result's sections on its pages, with the command that makes it, if it is the project's own result.

    Results of other names (`--as`) have pages only where somebody put their markers; without one that is told.
    """
    if request.results == RESULTS:
        link = f"The whole result: [{RESULTS}/{request.name}.md]({RESULTS}/{request.name}.md)."
        try:
            fill(f"table {request.name}", "\n".join([*sections, f"Made by `{command}`. {link}"]))
        except NoPlace as error:
            log.info("%s: %s", request.name, error)


def fill(name: str, text: str, root: Path = ROOT) -> list[Path]:
    """Put `text` between the markers of `name` on every page that has them; gives those pages.

    Links of `text` are relative to the project's root. NoPlace if no page has the markers.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    written = []
    for page in (root / "README.md", *sorted((root / "docs").glob("*.md"))):
        content = page.read_text(encoding="utf-8")
        if begin not in content or end not in content:
            continue
        head, rest = content.split(begin, 1)
        shown = text if page.parent == root else text.replace("](experiments/", "](../experiments/")
        write_text(page, f"{head}{begin}\n{shown}\n{end}{rest.split(end, 1)[1]}")
        written.append(page)
    if not written:
        raise NoPlace(f"no page of {root} has the markers {begin} and {end}; put them where the table belongs")
    return written


def make_claims(request: Request, config: NoOptions, root: Path = ROOT) -> None:
    """Rewrite the table of shares from table1.json to table7.json."""
    head = ["error as a share of the best smoother's (of linear interpolation's)", "Skeletor"]
    lines = table(head, [[text, value] for text, value in claims(request.results)], texts=2)
    _tell("claims", fill("claims", "\n".join(lines), root))


def make_lifters(request: Request, config: NoOptions) -> None:
    """Rewrite the table of lifters from lifters.json and chain_lifters.json."""
    chain = request.results / "chain_lifters.json"
    outcomes = _read(chain)["numbers"]["outcomes"] if chain.is_file() else []
    _tell("lifters", fill("lifters", "\n".join(lifters_table(_read(request.results / "lifters.json"), outcomes))))


def make_run(request: Request, config: RunPage, root: Path = ROOT) -> None:
    """Rewrite the tables of a run on the pages that have their markers; the whole report goes to the results."""
    run, results, name = request.finished, request.results, request.name
    if name == "run-page":
        name = Path(config.config).stem
    report, short = ((run / file).read_text(encoding="utf-8") for file in ("report.md", "table.md"))
    figures, scores = _read(run / "report.json"), _read(run / "table.json")
    corpus = f" --corpus {request.corpus}" if request.corpus else ""
    command = f"slt run {config.config}{corpus}" + (f" {config.options}" if config.options else "")
    made = [f"Made by `{command}`.\n\n{report}"]
    made += [(run / file).read_text(encoding="utf-8") for file in ("table.json", "config.json")]
    for file, text in zip((f"{name}.md", f"{name}.json", f"{name}_config.json"), portable(made), strict=True):
        write_text(results / file, text)
    shown = [short_table(short, config.brief), skeleton_table(figures)]
    result = f"experiments/results/{name}.md"
    shown.append(f"Made by `{command}`; the whole report: [{result}]({result}).")
    pages = {f"table {name}": "\n\n".join(filter(None, shown)), f"summary {name}": "\n".join(summary(scores, figures))}
    for marker, text in pages.items():
        try:
            _tell(marker, fill(marker, text, root))
        except NoPlace as error:
            log.warning("%s", error)


def make_picture(request: Request, config: Picture) -> None:
    """Raw and refined skeleton beside the video, where the detector loses a hand of a test clip for longest."""
    run = request.finished
    raw = open_store(run / "estimated" / "test")
    rows = [run / "refined" / name / "test" for name in ("skeletor-shipped", "skeletor-motion", "skeletor")]
    refined = open_store(next((row for row in rows if row.is_dir()), rows[-1]))
    names = sorted(set(raw) & set(refined))
    if not names:
        raise InputError(f"{run}: no finished run with refined poses; run `make pipeline`, or give --run")
    name, start = max(((n, *longest_gap(raw[n])) for n in names), key=lambda item: item[2])[:2]
    frames = [max(0, start - 2), start + 1, start + 3, min(len(raw[name]) - 1, start + 6)]
    video = video_path(run / "corpus", "test", name)
    make_still(raw[name], denormalise(refined[name]), Path(config.picture), video=video, frames=frames)
    log.info("%s: clip %s, frames %s", config.picture, name, frames)


def _tell(marker: str, pages: list[Path]) -> None:
    log.info("%s: %s", marker, ", ".join(map(str, pages)))


def claims(results: Path) -> Iterable[tuple[str, str]]:
    """(what, shares) of every line."""
    for number, what in ((1, "frames"), (2, "joints")):
        rows = {name: row["test"]["hit mse"]["ave"] for name, row in _numbers(results, number)["rows"].items()}
        yield (
            f"15 % of the {what} hidden, squared error, trained at 25 % ({_link(number)})",
            _shares([rows], "Skeletor (default), trained at 25%"),
        )
    for number, where in ((3, "frames"), (4, "joints of highest confidence")):
        rows = {name: row["0.5"]["all cm"]["ave"] for name, row in _numbers(results, number)["rows"].items()}
        yield (
            f"noise of half a limb on 15 % of the {where}, distance over all joints ({_link(number)})",
            _shares([rows], "Skeletor (default)"),
        )
    gaps = _numbers(results, 5)
    for target, text, own in (
        ("hand", "a hand", "Skeletor (default)"),
        ("frame", "everything", "Skeletor (gaps)"),
    ):
        cells = [{n: row["all speeds"][str(k)]["cm"] for n, row in gaps[target].items()} for k in (8, 16, 32)]
        kind = ", network for gaps" if own.endswith("(gaps)") else ""
        yield f"{text} hidden for 8, 16, 32 frames, distance{kind} ({_link(5)})", _shares(cells, own)
    errors = _numbers(results, 6)["overall, truth"]
    parts: list[dict[str, float]] = [
        {name: e["mpjpe"]["all"] for name, e in errors.items()},
        {name: e["acceleration"]["all"] for name, e in errors.items()},
    ]
    text = "real detections of rendered video, distance and acceleration error"
    for how, own in DETECTED.items():
        if own in errors:
            yield f"{text}, {how} ({_link(6)})", _shares(parts, own)
    real = _numbers(results, 7)["rows"]
    tasks = list(next(iter(real.values())))
    means = [{name: fmean(row[task].values()) for name, row in real.items()} for task in tasks]
    for how in ("rendered motion alone", "with real sequences"):
        yield (
            f"real sequences: {', '.join(tasks)} hidden, distance, trained on {how} ({_link(7)})".replace(
                "on with", "with"
            ),
            _shares(means, f"Skeletor (default), {how}"),
        )


def _numbers(results: Path, number: int) -> dict[str, Any]:
    values: dict[str, Any] = _read(results / f"table{number}.json")["numbers"]
    return values


def _link(number: int) -> str:
    return f"[Table {number}](experiments/results/table{number}.md)"


def _shares(cells: Iterable[Mapping[str, float]], own: str) -> str:
    """Shares of the best smoother's error, and in brackets of linear interpolation's where it is among them."""
    best, linear = [], []
    for row in cells:
        plain = {n: v for n, v in row.items() if not n.startswith(NETWORKS) and n != "nothing done"}
        best.append(f"{row[own] / min(plain.values()):.2f}")
        if "linear" in plain:
            linear.append(f"{row[own] / plain['linear']:.2f}")
    return ", ".join(best) + (f" ({', '.join(linear)})" if linear else "")


def lifters_table(lifters: Mapping[str, Any], outcomes: Iterable[Mapping[str, Any]]) -> list[str]:
    """The lines of the table. A lifter for which there is no translator yet has an empty cell there."""
    parts = [_part(lifters["tables"], part) for part in PARTS]
    scores = {outcome["label"]: outcome["scores"]["test"] for outcome in outcomes}
    speed = lifters["speed"]
    head = ["error in mm (MPJPE)", "rendered video: all", "body", "hands from the wrist", "real arms, unseen activity",
            f"frames/s, {speed['cores']} cores", "test BLEU-4, 95 %"]  # fmt: skip
    body = []
    for name, label in ROWS.items():
        found, real = (rows[name] for rows in parts)
        errors = [found["mpjpe"], found["body"], found["hands from the wrist"], real["mpjpe"]]
        cells = [name, *(f"{error:.1f}" for error in errors), f"{speed['frames/s'][name]:,.0f}"]
        score = scores.get(label)
        body.append([*cells, _bleu(score) if score else ""])
    return table(head, body)


def _part(tables: Mapping[str, Any], begin: str) -> Mapping[str, Any]:
    """The part of the table whose title begins so; InputError if it was not made."""
    for title, rows in tables.items():
        if title.startswith(begin):
            found: Mapping[str, Any] = rows
            return found
    raise InputError(f"lifters.json: no part {begin!r}; it needs --run and the captured arms; the page stays as it is")


def _bleu(score: Mapping[str, Any]) -> str:
    return f"{score['bleu4']:.1f} [{interval(score['intervals']['bleu4'])}]"


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError(f"{path}: not there; `python -m experiments --list` tells what makes it")
    values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return values


def summary(scores: dict[str, Any], report: dict[str, Any]) -> list[str]:
    """The few columns that say whether repair helps: BLEU-4, and distance from the truth where it is known."""
    errors = report.get(ERRORS, {})
    own = [row for row in scores["rows"] if row["name"] in SUMMARY]
    rows = own or [row for row in scores["rows"] if row["name"] in map(cascade_of, SUMMARY)]
    lines = []
    for row in rows:
        dev, test, label = row["dev"], row["test"], row["label"].removesuffix(cascade_label(""))
        away = f"{errors[label]['mpjpe']['all']:.3f}" if label in errors else ""
        rates = ["" if own else f"{part['wer']:.1f}" for part in (dev, test)]
        lines.append([label, *rates, f"{dev['bleu4']:.1f}", _bleu(test), f"{test['rouge']:.1f}", away])
    head = ["", "dev WER", "test WER", "dev BLEU-4", "test BLEU-4 [95 %]", "test ROUGE", "distance from the truth"]
    if own:  # of joint translators: no glosses
        head, lines = [head[0], *head[3:]], [[line[0], *line[3:]] for line in lines]
    return table(head, lines)


def skeleton_table(report: dict[str, Any]) -> str:
    """How far the skeletons of the test clips are from the truth; nothing where it is not known."""
    errors = report.get(ERRORS)
    if not errors:
        return ""
    text = "Errors of the test skeletons against the known truth, in shoulder widths (acceleration: per squared frame):"
    body = []
    for label, error in errors.items():
        m = error["mpjpe"]
        cells = [m["all"], m["body"], m["hands"], m["hands_relative"], error["acceleration"]["all"]]
        body.append([label, *(f"{value:.3f}" for value in cells)])
    head = ["", "all joints", "body", "hands", "hands, seen from the wrist", "acceleration"]
    return "\n".join([text, "", *table(head, body)])


def short_table(markdown: str, brief: bool) -> str:
    """The table with BLEU-4 and ROUGE alone of dev, to fit the page; notes stay. brief: `BRIEF` and the first notes."""
    lines = markdown.splitlines()
    rows = [line for line in lines if line.startswith("|")]
    others = [line for line in lines if line.startswith("- ")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    left_out = ("dev BLEU-3", "dev BLEU-2", "dev BLEU-1", "dev chrF")
    keep = [k for k, head in enumerate(cells[0]) if (head in BRIEF if brief else head not in left_out)]
    others = others[:3] if brief else others
    short = ["| " + " | ".join(row[k] for k in keep) + " |" for row in cells]
    return "\n".join([*short, "", *others])


def longest_gap(pose: PoseSequence) -> tuple[int, int]:
    """(first frame, length) of the longest run in which the moving right hand is lost while its wrist is seen."""
    lost = np.asarray(pose.missing)[:, 29:50].all(1) & ~np.asarray(pose.missing)[:, 4]
    edges = np.diff(np.concatenate([[0], lost.astype(int), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(starts):
        return 0, 0
    longest = int(np.argmax(stops - starts))
    return int(starts[longest]), int(stops[longest] - starts[longest])
