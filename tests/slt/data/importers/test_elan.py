"""ELAN's documents: what our own writer writes, times that are open or depend on others, and hostile ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.data.importers.elan import Annotation, Tier, glosses_within, read_eaf
from slt.segment.written.cues import Cue
from slt.segment.written.eaf import eaf
from tests.slt.data.importers import trees


def test_what_our_own_writer_writes_comes_back(tmp_path):
    cues = [Cue(0.5, 2.0, "Guten Abend & mehr.", confidence=0.75), Cue(2.0, 4.24, "Es regnet.", confidence=None)]
    (tmp_path / "a.eaf").write_text(eaf(cues, tmp_path / "my talk.mp4", tmp_path), encoding="utf-8")
    document = read_eaf(tmp_path / "a.eaf")
    assert document.tier("sentence").annotations == (
        Annotation(0.5, 2.0, "Guten Abend & mehr."), Annotation(2.0, 4.24, "Es regnet."),
    )  # fmt: skip
    assert document.tier("confidence").annotations == (Annotation(0.5, 2.0, "0.750"),)
    assert document.media == ("./my talk.mp4", str(tmp_path / "my talk.mp4"))


def test_times_that_are_open_lie_between_those_that_are_set(tmp_path):
    path = trees.eaf(tmp_path / "a.eaf", [("words", "", [(0, 1, "a"), (1, 2, "b"), (2, 900, "c")])])
    text = path.read_text(encoding="utf-8")
    for k in (1, 2, 3, 4):
        text = text.replace(f'"ts{k}" TIME_VALUE="{[0, 1, 1, 2, 2][k]}"', f'"ts{k}"')
    path.write_text(text, encoding="utf-8")
    spans = [(a.start, a.end) for a in read_eaf(path).tier("words").annotations]
    assert spans == [pytest.approx((0, 0.18)), pytest.approx((0.36, 0.54)), pytest.approx((0.72, 0.9))]


def test_the_medium_may_begin_later(tmp_path):
    path = trees.eaf(tmp_path / "a.eaf", [("t", "", [(100, 300, "a")])], "v.mp4")
    path.write_text(
        path.read_text(encoding="utf-8").replace("MIME_TYPE", 'TIME_ORIGIN="2000" MIME_TYPE'), encoding="utf-8"
    )
    assert read_eaf(path).tier("t").annotations == (Annotation(2.1, 2.3, "a"),)


HEAD = "<ANNOTATION_DOCUMENT><HEADER/>"
REFERS = (
    f'{HEAD}<TIER TIER_ID="t"><ANNOTATION><REF_ANNOTATION ANNOTATION_ID="a" ANNOTATION_REF="{{}}"/></ANNOTATION>'
    "</TIER></ANNOTATION_DOCUMENT>"
)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "not XML"),
        ("<html/>", "no ELAN document"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><ANNOTATION_DOCUMENT>&a;</ANNOTATION_DOCUMENT>', "declares entities"),
        (REFERS.format("b"), "not a whole ELAN document"),
        (f'{HEAD}<TIME_ORDER/><HEADER><MEDIA_DESCRIPTOR TIME_ORIGIN="{"9" * 400}"/></HEADER></ANNOTATION_DOCUMENT>',
         "not a whole ELAN document"),
        (REFERS.format("a"), "not a whole ELAN document"),
        (HEAD + '<TIME_ORDER><TIME_SLOT TIME_SLOT_ID="x" TIME_VALUE="soon"/></TIME_ORDER></ANNOTATION_DOCUMENT>',
         "not a whole ELAN document"),
    ],
)  # fmt: skip
def test_what_is_no_document_is_one_line(tmp_path: Path, content: str, message: str):
    path = tmp_path / "a.eaf"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message) as error:
        read_eaf(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_documents_are_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("eaf")
    path = trees.eaf(folder / "a.eaf", [("t", "anna", [(0, 300, "a"), (300, 900, "b")])], "v.mp4")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    path.write_bytes(bytes(content))
    try:
        document = read_eaf(path)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    else:
        assert all(isinstance(a.start, float) for tier in document.tiers.values() for a in tier.annotations)


def test_what_both_hands_sign_at_once_stands_there_once():
    right = Tier("r", "", (Annotation(0, 1, "A"), Annotation(1, 2, "B"), Annotation(2, 3, "B"), Annotation(5, 6, "E")))
    left = Tier("l", "", (Annotation(1.1, 1.9, "B"), Annotation(2.2, 2.8, "C D")))
    assert glosses_within([right, left], 0, 4) == "A B B C_D"
    assert glosses_within([right, left], 1.5, 2.2) == "B", "a gloss belongs where its middle lies"
