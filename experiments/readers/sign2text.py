"""The Sign2Text baseline on the rendered signer: renders, trains, decodes; a table beside the floor. `make sign2text`.

A killed run goes on where it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pydantic import Field

from experiments.report import interval, table, write_files
from experiments.request import Request
from skeletor.files.keyed import keyed_folder
from skeletor.support.config import Config
from skeletor.support.devices import resolve_device
from slt.data import layout
from slt.pipeline.cache.stage import stage_key
from slt.pipeline.work.readers.render_pixels import render_videos
from slt.pipeline.work.readers.train_sign2text import train_and_decode
from slt.score.content import content_accuracy
from slt.score.floor import constant_sentence
from slt.score.scores import Scores, score
from slt.sign2text.config import Sign2TextRow
from slt.synthetic import build
from slt.synthetic.build import CorpusConfig


class Sign2TextExperiment(Config):
    """A rendered corpus, and the baseline trained on the first `sign2text.clips` clips of its train."""

    seed: int = Field(1, ge=0)
    workers: int = Field(2, ge=1, le=256)
    corpus: CorpusConfig = CorpusConfig()
    sign2text: Sign2TextRow = Sign2TextRow(clips=600)


@dataclass(frozen=True)
class Row:
    """Scores of one system, and the per cent of the grammar's content words that are right on test."""

    label: str
    dev: Scores
    test: Scores
    content: float


def make(request: Request, config: Sign2TextExperiment) -> None:
    """Render, train, decode, score, write."""
    work = request.work
    clips, sources, rendering = _videos(config, work)
    device = resolve_device()
    key = str(sorted((name, p.stat().st_size) for found in sources.values() for name, p in found.items()))
    out = work / "trained"
    outputs = train_and_decode(
        clips,
        sources,
        config.sign2text,
        work / "frames",
        out,
        config.seed,
        config.workers,
        key=stage_key({}, (key, _videos_key(config)), ("slt.sign2text.decoded",)),
    )
    rows = _rows(config, clips, len(sources["train"]), outputs)
    training = json.loads((out / "model" / "training.json").read_text(encoding="utf-8"))
    seconds = {"rendering": rendering, "training": training["seconds"]}
    about = request.about(config, config.seed) | {
        "device": f"cpu, {config.workers} threads" if device.type == "cpu" else torch.cuda.get_device_name(device),
        "seconds": {k: round(v) for k, v in seconds.items()},
        "clips": {split: len(found) for split, found in sources.items()},
        "training": {k: training[k] for k in ("updates", "averaged", "decoding", "curve")},
        "examples": _examples(clips, outputs["test"]),
    }
    plain = [{"label": r.label, "dev": r.dev.as_dict(), "test": r.test.as_dict(), "content": r.content} for r in rows]
    write_files(request.results, request.name, markdown(rows, about), {"rows": plain, **about})


def _videos_key(config: Sign2TextExperiment) -> str:
    return stage_key(config.corpus.model_dump(), (), (build.make_clip,))


def _videos(config: Sign2TextExperiment, work: Path) -> tuple[list[layout.Clip], dict[str, dict[str, Path]], float]:
    """All clips, the videos of those that are used by split, and the seconds to render those that were missing."""
    start = time.monotonic()
    plans = [plan for plan in build.plan_corpus(config.corpus) if plan.part in layout.SPLITS]
    root = keyed_folder(work / "corpus", _videos_key(config))
    sources = {}
    for split in layout.SPLITS:
        wanted = [plan for plan in plans if plan.part == split]
        wanted = wanted[: config.sign2text.clips] if split == "train" else wanted
        sources[split] = render_videos(wanted, partial(build.make_clip, config=config.corpus), root, config.workers)
    clips = [
        layout.Clip(p.name, p.part, sources[p.part].get(p.name), p.signer.name, p.sentence.glosses, p.sentence.text)
        for p in plans
        if p.sentence is not None
    ]
    return clips, sources, time.monotonic() - start


def _rows(
    config: Sign2TextExperiment, clips: Sequence[layout.Clip], trained: int, outputs: Mapping[str, Mapping[str, str]]
) -> list[Row]:
    references = {s: {c.name: c.text for c in clips if c.split == s} for s in ("dev", "test")}
    train = [c.text for c in clips if c.split == "train"]  # of all of them: the floor of the demo's table
    constant = constant_sentence(train, list(references["dev"].values()))
    content = dict(build.content_words(config.corpus))
    rows = []
    for label, texts in (
        ("one constant sentence (the floor)", {s: dict.fromkeys(r, constant) for s, r in references.items()}),
        (f"Sign2Text, {config.sign2text.preset}, {trained} clips", outputs),
    ):
        lines = {s: [texts[s].get(name, "") for name in references[s]] for s in references}
        dev, test = (score(lines[s], list(references[s].values()), config.seed) for s in ("dev", "test"))
        right = content_accuracy(lines["test"], [content[name] for name in references["test"]])
        rows.append(Row(label, dev, test, right.accuracy))
    return rows


def _examples(clips: Sequence[layout.Clip], found: Mapping[str, str], number: int = 5) -> list[dict[str, str]]:
    """The first test clips: what was meant, what came out."""
    test = [clip for clip in clips if clip.split == "test"][:number]
    return [{"clip": c.name, "reference": c.text, "output": found.get(c.name, "")} for c in test]


def markdown(rows: Sequence[Row], about: Mapping[str, Any]) -> str:
    """The report."""
    heads = ["", "dev BLEU-4", "dev ROUGE", "test BLEU-4", "BLEU-3", "BLEU-2", "BLEU-1", "ROUGE", "chrF",
             "test BLEU-4, 95 %", "content"]  # fmt: skip
    body = []
    for row in rows:
        t = row.test
        numbers = (row.dev.bleu4, row.dev.rouge, t.bleu4, t.bleu3, t.bleu2, t.bleu1, t.rouge, t.chrf)
        span = interval(t.intervals["bleu4"], between=" to ")
        body.append([row.label, *(f"{n:.2f}" for n in numbers), span, f"{row.content:.1f} %"])
    seconds = ", ".join(f"{name} {value}" for name, value in about["seconds"].items())
    counts = ", ".join(f"{n} {split}" for split, n in about["clips"].items())
    lines = [
        "### Sign2Text: from pixels straight to text (Camgoz et al. 2018), on the rendered signer",
        "",
        *table(heads, body),
        "",
        f"- {counts} clips, all rendered broadcast video; one seed; no skeletons, no glosses",
        f"- {rows[0].test.signature}; ROUGE-L, beta 1.2; content: the grammar's slot words that are right on test",
        f"- {about['training']['updates']} updates on {about['device']}; seconds: {seconds} (what was missing)",
        f"- made by `{about['command']}`",
        "",
        *(f"    {e['clip']}\n        meant  {e['reference']}\n        wrote  {e['output']}" for e in about["examples"]),
    ]
    return "\n".join(lines)
