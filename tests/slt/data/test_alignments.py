from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.data import layout
from slt.data.alignments import Alignment, Span, core, durations, plan_signs, read_alignments

LENGTHS = {"A": (10, 12), "B": (5,), "C": (8,)}


def aligned(*parts: tuple[str, int]) -> Alignment:
    spans, start = [], 0
    for gloss, length in parts:
        spans.append(Span(start, start + length, gloss))
        start += length
    return Alignment(np.zeros(start, np.int16), tuple(spans))


def planned(glosses: str, *parts: tuple[str, int]) -> list[tuple[str, int]]:
    spans = plan_signs(glosses.split(), aligned(*parts), LENGTHS, np.random.default_rng(0))
    return [(span.gloss, len(span)) for span in spans]


def test_marks_are_no_part_of_a_gloss():
    assert [core(g) for g in ("loc-NORDRAUM", "SUEDOSTRAUM", "REGEN-PLUSPLUS", "poss-EUCH", "cl-KOMMEN", "RAUM")] == [
        "NORD", "SUEDOST", "REGEN", "EUCH", "KOMMEN", "RAUM",
    ]  # fmt: skip


def test_an_alignment_that_agrees_is_kept_with_its_marks():
    parts = (("__ON__", 4), ("loc-A", 9), ("A-PLUSPLUS", 7), ("B", 6), ("__OFF__", 5))
    assert planned("A B", *parts) == [("", 4), ("loc-A", 9), ("A-PLUSPLUS", 7), ("B", 6), ("", 5)]


def test_marks_that_only_the_annotation_has_are_signed():
    assert planned("neg-A B", ("A", 9), ("B", 6)) == [("neg-A", 9), ("B", 6)]


def test_a_missing_gloss_goes_into_the_pause_and_without_one_shares_frames():
    assert planned("A C B", ("A", 9), ("", 8), ("B", 6)) == [("A", 9), ("C", 8), ("B", 6)]
    with_none = planned("A C B", ("A", 20), ("B", 6))
    assert [g for g, _ in with_none] == ["A", "C", "B"] and sum(n for _, n in with_none) == 26


def test_a_clip_without_alignment_is_signed_as_annotated():
    spans = planned("A B C", ("", 60))
    assert [g for g, _ in spans if g] == ["A", "B", "C"] and sum(n for _, n in spans) == 60


def test_short_pauses_are_transitions_and_held_signs_last():
    assert planned("A B", ("A", 9), ("", 4), ("B", 6)) == [("A", 11), ("B", 8)]
    assert planned("A B", ("A", 9), ("__HOLD__", 3), ("B", 6)) == [("A", 12), ("B", 6)]
    assert planned("A B", ("A", 9), ("", 20), ("B", 6)) == [("A", 9), ("", 20), ("B", 6)]


PARTS = st.tuples(st.sampled_from(["A", "B", "C", "", "__ON__", "__PU__", "__HOLD__", "loc-A"]), st.integers(1, 40))


@settings(max_examples=200, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=12), st.lists(st.sampled_from("ABC"), min_size=1, max_size=8))
def test_every_frame_belongs_to_one_span(parts, glosses):
    spans = plan_signs(glosses, aligned(*parts), LENGTHS, np.random.default_rng(1))
    assert spans[0].start == 0 and spans[-1].stop == sum(n for _, n in parts)
    assert all(a.stop == b.start and len(a) > 0 for a, b in pairwise(spans))


def test_torn_files_are_told_with_their_line(annotation):
    folder = annotation(2, 1, 1)
    assert set(read_alignments(folder, "train")) == {"train-heute-0", "train-heute-1"}
    frames = folder / "PHOENIX-2014-T.dev.frames_alignments.tsv"
    frames.write_text(frames.read_text().replace("dev-heute-0\t", "dev-heute-0\t1"))
    with pytest.raises(InputError, match=r"dev\.frames_alignments\.tsv: line 2: dev-heute-0: number of frames"):
        read_alignments(folder, "dev")
    (folder / "gloss_segments.test.tsv").unlink()
    with pytest.raises(InputError, match=r"gloss_segments\.test\.tsv: cannot be read"):
        read_alignments(folder, "test")


def test_the_real_alignments(shared: Path):
    """Frames as published; what is signed follows the annotation in all clips but a few."""
    folder = shared / "phoenix14t_annotations"
    clips = {split: read_alignments(folder, split) for split in layout.SPLITS}
    frames = {split: sum(len(a.hands) for a in found.values()) for split, found in clips.items()}
    assert frames == {"train": 827354, "dev": 55775, "test": 64627}
    lengths, wrong = durations(clips["train"]), 0
    for split in ("dev", "test"):
        annotated, _ = layout.read_annotation(folder / f"PHOENIX-2014-T.{split}.corpus.csv", split, None)
        for clip in annotated:
            spans = plan_signs(clip.glosses, clips[split][clip.name], lengths, np.random.default_rng(0))
            signed = [core(s.gloss) for s in spans if s.gloss]
            remaining = iter(signed)
            wrong += not all(core(gloss) in remaining for gloss in dict.fromkeys(clip.glosses))
    assert wrong < 15, wrong
