"""Published scores on RWTH-PHOENIX-Weather 2014T, shown beside ours. None of them is measured here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_PAPER = "Jiang, Camgoz and Bowden, Skeletor (CVPR workshops 2021), Table 5"
_SLT = "Camgoz et al., Sign Language Transformers (CVPR 2020)"
ORIGIN = {
    True: "published: printed in the papers named below, not measured here; other pose estimators and other training",
    False: "published: on the real video of PHOENIX14T, which is not this corpus: not comparable",
}


@dataclass(frozen=True)
class Published:
    """One system of a paper. dev, test: metric -> score in per cent, as far as the paper prints it.

    source: paper and table; note: what else differs from our rows.
    """

    label: str
    dev: Mapping[str, float]
    test: Mapping[str, float]
    source: str
    note: str = ""


def _scores(bleu4: float, bleu3: float, bleu2: float, bleu1: float, rouge: float) -> dict[str, float]:
    return {"bleu4": bleu4, "bleu3": bleu3, "bleu2": bleu2, "bleu1": bleu1, "rouge": rouge}


PHOENIX14T = (
    Published(
        "Sign2Text, from pixels", _scores(9.94, 13.16, 19.11, 31.87, 31.80), _scores(9.58, 12.83, 19.03, 32.24, 31.80),
        f"Camgoz et al., Neural Sign Language Translation (CVPR 2018), as in {_PAPER}",
        "its ROUGE was probably computed with another beta",
    ),
    Published(
        "raw 3D skeletons", _scores(9.74, 12.75, 18.38, 31.43, 31.82), _scores(8.85, 11.62, 16.94, 30.22, 29.89),
        _PAPER,
    ),
    Published(
        "Skeletor", _scores(10.91, 14.01, 19.53, 31.97, 32.66), _scores(10.35, 13.49, 19.11, 31.86, 31.80), _PAPER
    ),
    Published("Gloss2Text, transformer", {"bleu4": 25.35}, {"bleu4": 24.54}, _SLT, "from the annotated glosses"),
    Published(
        "3D MediaPipe skeletons, SignJoey", {"bleu4": 13.38, "rouge": 36.85}, {"bleu4": 12.78, "rouge": 35.20},
        "Surrey's baseline of the SLRTP 2025 challenge", "178 joints, every second frame",
    ),
    Published(
        "2D skeletons, gloss supervision, mBART", {}, {"bleu4": 29.03, "rouge": 53.54}, "Guan et al., MSKA-SLT (2024)",
        "a pretrained text decoder",
    ),
)  # fmt: skip


def published_for(kind: str) -> tuple[tuple[Published, ...], str]:
    """The published rows that a corpus of this kind (`layout.Description.kind`) is shown with, and their footnote.

    Those of PHOENIX14T beside the real data set and, marked as not comparable, beside corpora made from its
    annotation; none elsewhere.
    """
    real = kind == "phoenix14t"
    if not real and "resynth" not in kind and not kind.startswith("phoenix14t"):
        return (), ""
    return PHOENIX14T, ORIGIN[real]


def label_of(row: Published) -> str:
    """The label of a published row in the table."""
    return f"published: {row.label}"


def notes(rows: tuple[Published, ...], origin: str) -> tuple[str, ...]:
    """The footnotes of published rows: that they are published, and where each comes from; () without rows."""
    if not rows:
        return ()
    sources = "; ".join(f"{row.label}: {row.source}" + (f" ({row.note})" if row.note else "") for row in rows)
    return (origin, f"sources: {sources}")
