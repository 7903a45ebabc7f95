"""Which gloss is signed in each row of features."""

from pathlib import Path

import numpy as np

from slt.data.alignments import Span
from slt.data.layout import Clip
from slt.recognise.labels import UNKNOWN, aligned_spans, row_labels


def test_a_row_has_the_gloss_at_its_middle() -> None:
    spans = [Span(0, 4, ""), Span(4, 9, "REGEN"), Span(9, 12, "UNBEKANNT")]
    labels = row_labels(spans, 7, 2.0, {"REGEN": 5})  # middles: 1, 3, 5, 7, 9, 11, 13
    assert labels.tolist() == [0, 0, 5, 5, UNKNOWN, UNKNOWN, UNKNOWN]
    assert row_labels(spans, 3, 4.0, {"REGEN": 5}).tolist() == [0, 5, UNKNOWN]  # middles: 2, 6, 10
    assert row_labels([], 2, 2.0, {}).tolist() == [UNKNOWN, UNKNOWN]


def test_the_spans_are_those_of_the_alignments_in_the_annotations_words(tmp_path: Path) -> None:
    clip = Clip("a", "train", None, "S", ("REGEN",), "regen .")
    assert aligned_spans([clip], tmp_path, "train") == {}
    head = "name\tstart_frame\tend_frame\tclass_id\tgloss_complex\n"
    rows = "a\t0\t3\t0\t__ON__\na\t4\t19\t7\tloc-REGEN\na\t20\t39\t0\t__OFF__\n"
    (tmp_path / "gloss_segments.train.tsv").write_text(head + rows)
    shapes = " ".join(["1"] * 40)
    line = f"a\t40\t{shapes}\t{shapes}\t{shapes}\n"
    (tmp_path / "PHOENIX-2014-T.train.frames_alignments.tsv").write_text("name\tnum_frames\tg\tm\th\n" + line)
    spans = aligned_spans([clip, Clip("b", "train", None, "S", ("REGEN",), "")], tmp_path, "train")
    assert set(spans) == {"a"}
    labels = row_labels(spans["a"], 20, 2.0, {"REGEN": 1, "loc-REGEN": 2})
    assert labels[0] == labels[-1] == 0 and set(labels[3:9]) <= {1, 2} and np.all(labels[3:9] > 0)
