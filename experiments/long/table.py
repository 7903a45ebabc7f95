"""`python -m experiments long`: segmenters on long takes, in boundaries, seconds and sentences."""

from __future__ import annotations

import itertools
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.long.config import LongConfig
from experiments.long.measure import Counts
from experiments.long.people import Cut, judge_people, people_table
from experiments.long.takes import Material, Take, make_take
from experiments.report import Result, interval, markdown, write_result
from experiments.request import Request
from skeletor.poses.pose import PoseSequence
from skeletor.support.errors import InputError
from skeletor.support.progress import log, progress
from slt.inference.chain import Chain, load_chain
from slt.inference.sentences import read_segments
from slt.score.bootstrap import paired_bootstrap
from slt.score.scores import score
from slt.segment.learned import learned_segments
from slt.segment.network import Segmenter
from slt.segment.online.learned import NetworkStream
from slt.segment.rule import Segment, SegmentConfig, find_segments
from slt.segment.watched import watch

CLIPWISE, TRUTH, RULE = "each clip by itself", "cut at the true boundaries", "the rule"
FITTED, NETWORK = "the rule, fitted to training takes", "the network"
LIVE = "the network, while it is signed"
_GRID = {"low": (0.35, 0.45, 0.55, 0.65, 0.75, 0.85), "slow": (0.5, 0.8, 1.2, 2.0), "pause": (0.2, 0.3, 0.6)}
_COLUMNS = ("boundary_f1", "boundary_precision", "boundary_recall", "one_to_one", "signing_found",
            "false_seconds_a_minute", "loose_texts_a_minute")  # fmt: skip
_HEAD = ("", "boundaries F1", "precision", "recall", "one to one", "signing found", "false s/min", "loose texts/min",
         "BLEU-4 [95 %]", "lost [95 %]")  # fmt: skip


def test_takes(material: Material, config: LongConfig) -> list[Take]:
    """A take for each signer of the run's test clips."""
    poses = material.detected("test")
    takes = []
    for signer, plans in list(material.by_signer("test", config.clips).items())[: config.signers]:
        pieces = [material.piece(plan, poses) for plan in plans if plan.name in poses]
        rng = np.random.default_rng([config.seed, 0x106, zlib.crc32(signer.name.encode())])
        takes.append(make_take(signer.name, pieces, signer, config.takes, material.noise, "test", rng))
    if not takes or not any(take.said for take in takes):
        raise InputError(f"{material.run}: no test clips; give --run DIR, of a finished run of configs/demo.yaml")
    return takes


def make(request: Request, config: LongConfig) -> None:
    """Put the takes together, cut them in every way, read what was cut, and write the table."""
    material = Material(request.finished)
    takes = test_takes(material, config)
    chain = load_chain(request.finished / "model", device="cpu")
    shortest, longest = (float(chain.model.abstention.thresholds[name]) for name in ("short", "long"))
    reader = chain if config.read else None
    rows: dict[str, Counts] = {}
    rule = fitted_rule(material, config, longest)
    log.info("%s: %s", FITTED, rule.model_dump(include=set(_GRID)))
    cuts = cutters(rule, config, longest, shortest)
    rows[TRUTH] = judged(reader, takes, true_segments, config.tolerance, TRUTH)
    for name, cut in cuts.items():
        rows[name] = judged(reader, takes, _on_takes(cut), config.tolerance, name)
    clipwise = translated_alone(chain, material, takes) if config.read else None
    title = "Long takes: where somebody signs, and what the subtitles are worth"
    result = layout(rows, clipwise, takes, config)
    result.numbers["fitted rule"] = rule.model_dump()
    of_people = cutters(rule, config, None)
    people = judge_people(config.people, of_people)
    if people:
        result.sections.append(people_table(people, list(of_people)))
        result.numbers["people"] = people
    write_result(result, request.results, request.name, title, request.about(config, config.seed))


def true_segments(take: Take) -> list[Segment]:
    """What is signed, as segments."""
    return [Segment(one.start / take.pose.fps, one.stop / take.pose.fps) for one in take.said]


def _on_takes(cut: Cut) -> Callable[[Take], list[Segment]]:
    return lambda take: cut(watch(take.pose))


def cutters(rule: SegmentConfig, config: LongConfig, longest: float | None, shortest: float = 0.0) -> dict[str, Cut]:
    """The rows: name -> what cuts a recording. rule: as it was fitted. shortest, longest: seconds that the model
    takes.
    """
    found: dict[str, Cut] = {
        RULE: lambda pose: find_segments(pose, None, longest),
        FITTED: lambda pose: find_segments(pose, rule, longest),
    }
    path = Path(config.weights)
    if path.is_file():
        segmenter = Segmenter.load(path)
        found[NETWORK] = lambda pose: learned_segments(pose, segmenter, longest, shortest=shortest)
        if longest is not None:  # a stream needs a limit: it looks again and again at what goes on
            found[LIVE] = lambda pose: _live(pose, NetworkStream(pose.fps, segmenter, longest, shortest))
    else:
        log.warning("%s: no file %s; left out", NETWORK, path)
    return found


def _live(pose: PoseSequence, stream: NetworkStream) -> list[Segment]:
    """The segments of a recording whose frames come in one by one."""
    return stream.push(pose) + stream.finish()


def fitted_rule(material: Material, config: LongConfig, longest: float) -> SegmentConfig:
    """The rule's options that find the most boundaries in takes of training clips; a fair rival of the network."""
    takes = training_takes(material, config)
    best, chosen = -1.0, SegmentConfig()
    for values in itertools.product(*_GRID.values()):
        tried = SegmentConfig(**dict(zip(_GRID, values, strict=True)))
        counts = Counts()
        for take in takes:
            found = find_segments(watch(take.pose), tried, longest)
            counts.add(take, found, [None] * len(found), config.tolerance)
        if (f1 := counts.figures()["boundary_f1"]) > best:
            best, chosen = f1, tried
    return chosen


def training_takes(material: Material, config: LongConfig) -> list[Take]:
    """Takes of training clips, one a signer, joined as the test's are, with the training's gestures."""
    poses = material.detected("train")
    takes = []
    for signer, plans in list(material.by_signer("train", config.fit_clips).items())[: config.signers]:
        pieces = [material.piece(plan, poses) for plan in plans]
        rng = np.random.default_rng([config.seed, 0xF17, zlib.crc32(signer.name.encode())])
        takes.append(make_take(signer.name, pieces, signer, config.takes, material.noise, "train", rng))
    return takes


def judged(
    chain: Chain | None, takes: Sequence[Take], cutter: Callable[[Take], list[Segment]], tolerance: float, name: str
) -> Counts:
    """What a segmenter comes to over all takes. chain: reads the segments; None: nothing is read."""
    counts = Counts()
    for take in progress(takes, name, len(takes), "take"):
        found = cutter(take)
        read = [] if chain is None else read_segments(chain, take.pose, found, {})[0]
        texts = [one.text for one in read] or [None] * len(found)
        counts.add(take, found, texts, tolerance)
    log.info("%s: %s", name, counts.figures())
    return counts


def translated_alone(chain: Chain, material: Material, takes: Sequence[Take]) -> list[str]:
    """The sentences of the same clips, each a file of its own as it was filmed; "" for an abstention."""
    poses = material.detected("test")
    names = [one.name for take in takes for one in take.said]
    return [chain.translate_poses(poses[name], name).text or "" for name in progress(names, CLIPWISE, len(names))]


def layout(
    rows: Mapping[str, Counts], clipwise: Sequence[str] | None, takes: Sequence[Take], config: LongConfig
) -> Result:
    """The table, and all numbers."""
    references = next(iter(rows.values())).references
    lines: list[list[str]] = []
    numbers: dict[str, Any] = {}
    if clipwise is not None:
        scores = score(clipwise, references)
        lines.append([CLIPWISE, *[""] * 7, f"{scores.bleu4:.1f} [{interval(scores.intervals['bleu4'])}]", ""])
        numbers[CLIPWISE] = {"scores": scores.as_dict()}
    for name, counts in rows.items():
        figures = numbers[name] = counts.figures()
        lines.append([name, *(f"{figures[key]:.1f}" for key in _COLUMNS)])
        if clipwise is None:
            continue
        own = score(counts.hypotheses, references)
        gap = paired_bootstrap(list(clipwise), counts.hypotheses, references, config.seed)["bleu4"]
        lost = {"difference": gap.difference, "interval": gap.interval}
        lines[-1] += [f"{own.bleu4:.1f} [{interval(own.intervals['bleu4'])}]",
                      f"{-gap.difference:.1f} [{interval([-value for value in reversed(gap.interval)])}]"]  # fmt: skip
        numbers[name] = {**figures, "scores": own.as_dict(), "lost": lost}
    joins = Counter(kind for take in takes for kind in take.joins)
    minutes = sum(take.pose.seconds for take in takes) / 60
    told = (
        f"{len(references)} test sentences by {len(takes)} signers in as many takes, {minutes:.1f} minutes. Between "
        f"sentences: {', '.join(f'{count} {kind}' for kind, count in sorted(joins.items()))}. A boundary is found "
        f"if it is within {config.tolerance:g} s. The clips' 2D is MediaPipe's, of rendered video; that of what lies "
        "between is simulated."
    )
    return Result(
        [markdown("Segmenters", _HEAD[: len(lines[0])], lines, told)],
        {**numbers, "joins": dict(joins), "minutes": minutes},
    )
