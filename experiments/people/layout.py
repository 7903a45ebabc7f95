"""The tables on real people, from what was found for each set and row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from experiments.people.clips import People
from experiments.people.config import WayConfig
from experiments.people.losses import LENGTHS
from experiments.people.signs.features import KINDS
from experiments.people.signs.folds import by_person, gain
from experiments.report import markdown

Found = Mapping[str, Mapping[str, Any]]  # row -> what `judge` wrote
LOST = {"own": "in bursts (the default)", "own-measured": "as a detector loses them"}
CONDITIONS = {
    "clean": "people left out",
    "dropped": "people left out, real drop-outs put into the test clips",
    "good to bad": "trained on the half of the people with most hands seen, tested on the others",
}


def sections_of(people: People, found: Found) -> tuple[list[str], dict[str, Any]]:
    """The tables of one set, and their numbers. The first row is what the others are compared with."""
    read = readings(people, found) if len(people.labels) else {}
    sections = [_reading_table(people, condition, columns) for condition, columns in read.items()]
    losses = lost_hands(people, found) if len(people.labels) else {}
    sections += [_losses_table(people, losses)] if losses else []
    bends = hands_as_bends(people, found) if len(people.labels) else {}
    sections += [_bends_table(people, condition, columns) for condition, columns in bends.items()]
    sections.append(_repair_table(people, found))
    return sections, {
        "read": read,
        "lost hands": losses,
        "hands as bends": bends,
        "repair": {row: {k: v for k, v in f.items() if k != "read"} for row, f in found.items()},
    }


def readings(people: People, found: Found) -> dict[str, dict[str, dict[str, Any]]]:
    """Condition -> column -> row -> accuracy, and the gain over the first row with its interval.

    Of few people each is a column of his own, the others being trained on.
    """
    first = next(iter(found))
    result: dict[str, dict[str, dict[str, Any]]] = {}
    for column, conditions in found[first]["read"].items():
        for condition in conditions:
            for label, chosen in _tested(people):
                base = _right(found[first], column, condition, chosen)
                if np.isnan(base).all():
                    continue
                cells = {}
                for row in found:
                    right = _right(found[row], column, condition, chosen)
                    one = gain(right, base, people.people, people.few)
                    cells[row] = {
                        "accuracy": float(by_person(right, people.people).mean()),
                        "gain": one.difference, "interval": one.interval,
                    }  # fmt: skip
                result.setdefault(condition, {})[column + label] = cells
    return result


def lost_hands(people: People, found: Found) -> dict[str, dict[str, dict[str, Any]]]:
    """Condition -> reader -> row -> gain of the product's reader, trained with hands lost, over it without.

    {} unless it was trained in both ways.
    """
    first = next(iter(found.values()))["read"]
    base = f"own-none, {KINDS['product']}"
    if base not in first:
        return {}
    pairs = [(column, base) for column in first if column.split(",")[0] in LOST]
    return _paired(people, found, pairs, [("", np.ones(len(people.people), bool))])


def hands_as_bends(people: People, found: Found) -> dict[str, dict[str, dict[str, Any]]]:
    """Condition -> reader -> row -> gain of a reader that is given hands as bends over the one that is given joints.

    {} unless one was trained in both ways.
    """
    first = next(iter(found.values()))["read"]
    plain = {f"{reader}, {KINDS['bends']}": f"{reader}, {KINDS['product']}" for reader in ("ridge", "network")}
    plain[f"own-bends, {KINDS['bends']}"] = f"own, {KINDS['product']}"
    pairs = [(column, base) for column, base in plain.items() if column in first and base in first]
    return _paired(people, found, pairs, _tested(people))


def _paired(
    people: People, found: Found, pairs: Sequence[tuple[str, str]], tested: Sequence[tuple[str, np.ndarray]]
) -> dict[str, dict[str, dict[str, Any]]]:
    """Condition -> column -> row -> accuracy of the base column ("without"), and the gain over it."""
    first = next(iter(found.values()))["read"]
    result: dict[str, dict[str, dict[str, Any]]] = {}
    for column, base in pairs:
        for condition, (label, chosen) in product(first[column], tested):
            for row in found:
                right, plain = (_right(found[row], c, condition, chosen) for c in (column, base))
                if np.isnan(right).all():
                    continue
                one = gain(right, plain, people.people, people.few)
                cells = result.setdefault(condition, {}).setdefault(column + label, {})
                cells[row] = {"without": float(by_person(plain, people.people).mean()), "gain": one.difference,
                              "interval": one.interval}  # fmt: skip
    return result


def _losses_table(people: People, found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    readers = list(next(iter(found.values())))
    body = []
    for condition, columns in found.items():
        for row, plain in columns[readers[0]].items():
            cells = [columns[reader][row] for reader in readers]
            told = [f"{c['gain']:+.3f} [{c['interval'][0]:+.3f}, {c['interval'][1]:+.3f}]" for c in cells]
            body.append([f"{row}; {CONDITIONS[condition]}", f"{plain['without']:.3f}", *told])
    return markdown(
        f"{people.name}: the product's reader of isolated signs, trained with hands lost",
        ["", "none lost", *(LOST[reader.split(",")[0]] for reader in readers)], body,
        "Signs read right, mean over people, and the gain with its 95 % interval by a bootstrap over "
        f"{'clips' if people.few else 'people'}.",
    )  # fmt: skip


def _bends_table(people: People, condition: str, columns: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    body = []
    for row in next(iter(columns.values())):
        cells = [row]
        for one in (column[row] for column in columns.values()):
            low, high = one["interval"]
            cells.append(f"{one['without']:.3f} {one['gain']:+.3f} [{low:+.3f}, {high:+.3f}]")
        body.append(cells)
    heads = [column.replace(f", {KINDS['bends']}", "") for column in columns]
    return markdown(
        f"{people.name}: what bends of the hands add; {CONDITIONS[condition]}", ["", *heads], body,
        "Signs read right from joints of the hands, mean over people, and the gain of the same reader that is given "
        f"bends, with its 95 % interval by a bootstrap over {'clips' if people.few else 'people'}.",
    )  # fmt: skip


def _tested(people: People) -> list[tuple[str, np.ndarray]]:
    if not people.few:
        return [("", np.ones(len(people.people), bool))]
    return [(f", on {name}", people.people == k) for k, name in enumerate(people.names)]


def _right(row: Mapping[str, Any], column: str, condition: str, chosen: np.ndarray) -> np.ndarray:
    """(N,) 1 where a clip is read right, NaN where it was not tested or not chosen."""
    values = np.array([np.nan if v is None else v for v in row["read"][column][condition]], float)
    return np.where(chosen, values, np.nan)


def _reading_table(people: People, condition: str, columns: Mapping[str, Mapping[str, Any]]) -> str:
    rows = list(next(iter(columns.values())))
    body = []
    for row in rows:
        cells = [row]
        for column in columns.values():
            one = column[row]
            low, high = one["interval"]
            told = "" if row == rows[0] else f" ({one['gain']:+.3f} [{low:+.3f}, {high:+.3f}])"
            cells.append(f"{one['accuracy']:.3f}{told}")
        body.append(cells)
    over = "clips" if people.few else "people"
    return markdown(
        f"{people.name}: signs read right; {CONDITIONS[condition]}", ["", *columns], body,
        f"Mean over people; in brackets the gain over {rows[0]} read by the same reader, and its 95 % interval by a "
        f"bootstrap over {over}.",
    )  # fmt: skip


def _repair_table(people: People, found: Found) -> str:
    body = []
    for row, one in found.items():
        cells = [row]
        for what in ("hands", "frames"):
            errors = one.get(what, {})
            cells += [
                _cell(errors.get(length)) for length in ((*LENGTHS, "all") if what == "hands" else ("8-15", "all"))
            ]
        cells += [_cell(one["seen"][key]) for key in ("moved", "planar")]
        cells += [_cell(one["seen"]["acceleration"], 4), _cell(one["seen"]["bones"])]
        body.append(cells)
    head = ["", *(f"hand hidden {length}" for length in LENGTHS), "all", "frames hidden 8-15", "all", "seen moved",
            "seen, from the 2D", "acceleration", "bones"]  # fmt: skip
    return markdown(
        f"{people.name}: repair", head, body,
        "Shoulder widths. Hidden: distance from the row's own lift of the whole clip, by the gap's length in frames "
        "(as long as real losses of other people). Seen moved: of hand joints, from the row's own lift; from the 2D: "
        "in the picture plane. Acceleration: of seen hands in the picture plane, per squared frame. Bones: spread of "
        "their lengths over time, as a share.",
    )  # fmt: skip


def _cell(value: float | None, digits: int = 3) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def captured_table(found: Mapping[str, Mapping[str, Mapping[str, Mapping[str, float]]]], clips: int) -> str:
    """The table of lifters on captured signing."""
    first = next(iter(found.values()))
    columns = [(hands, signer) for hands in first for signer in first[hands]]
    body = [
        [name, *(f"{one[hands][signer][key]:.3f}" for hands, signer in columns for key in ("arms", "wrist depth"))]
        for name, one in found.items()
    ]
    head = ["lifter", *(f"{signer}, {hands}: {key}" for hands, signer in columns for key in ("arms", "wrist depth"))]
    return markdown(
        "Captured signing: distance from the true 3D", head, body,
        f"Shoulder widths, after the best scale of each clip; up to {clips} clips a signer, orthographic.",
    )  # fmt: skip


def wins(found: Found, what: str, measures: Mapping[str, str]) -> dict[str, Sequence[int]]:
    """Row -> on how many people its error on hidden hands or frames is below that of its measure, of how many.

    measures: row -> the row that it is measured by, see `measures_of`.
    """
    people = {row: one[what]["people"] for row, one in found.items() if what in one}
    result: dict[str, Sequence[int]] = {}
    for row, measure in measures.items():
        if row in people and measure in people:
            base = people[measure]
            pairs = [(e, base[p]) for p, e in people[row].items() if e is not None and base.get(p) is not None]
            result[row] = [sum(a < b for a, b in pairs), len(pairs)]
    return result


def measures_of(ways: Sequence[WayConfig], refiner: str | None) -> dict[str, str]:
    """Row -> the row of the same lift that is not repaired (None), or repaired by the first refiner of this name.

    Hands that stay missing count for nothing in an error, so rows of other lifts, which fill others, are no measure.
    """
    result: dict[str, str] = {}
    for way in ways:
        for other in ways:
            name = None if other.refine is None else other.refine.name
            alike = (other.lift, other.unseen) == (way.lift, way.unseen)
            if alike and name == refiner and other.name != way.name and way.refine is not None:
                result.setdefault(way.name, other.name)
    return result
