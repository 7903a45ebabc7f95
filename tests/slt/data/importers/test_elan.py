"""ELAN's documents: what our own writer writes, times that are open or depend on others, and hostile ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skeletor.support.errors import InputError
from slt.data.importers.base import ImportOptions
from slt.data.importers.dgs_korpus import read_dgs_korpus
from slt.data.importers.eaf_folder import read_eaf_folder
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


def test_references_to_a_vocabulary_are_resolved_or_counted(tmp_path):
    path = trees.eaf(tmp_path / "talk.eaf", [("sentence", "", [(0, 9, "Ja."), (9, 18, ""), (18, 27, "")]),
                                             ("gloss", "", [(0, 9, "JA"), (9, 18, "")])])  # fmt: skip
    text = path.read_text(encoding="utf-8")
    for annotation, entry in (("a1", "own"), ("a2", "elsewhere"), ("a4", "elsewhere")):
        text = text.replace(f'ANNOTATION_ID="{annotation}"', f'ANNOTATION_ID="{annotation}" CVE_REF="{entry}"')
    values = '<CVE_VALUE LANG_REF="de"></CVE_VALUE><CVE_VALUE LANG_REF="en">No.</CVE_VALUE>'
    own = f'<CONTROLLED_VOCABULARY CV_ID="v"><CV_ENTRY_ML CVE_ID="own">{values}</CV_ENTRY_ML></CONTROLLED_VOCABULARY>'
    path.write_text(text.replace("</ANNOTATION_DOCUMENT>", own + "</ANNOTATION_DOCUMENT>"), encoding="utf-8")
    assert [a.text for a in read_eaf(path).tier("sentence").annotations] == ["Ja.", "No.", ""]
    (tmp_path / "talk.pose").touch()
    found = read_eaf_folder(tmp_path, ImportOptions())
    assert [clip.text for clip in found.clips] == ["Ja.", "No."]
    assert found.notes[0].startswith(f"{path}: 2 annotations only name an entry of a vocabulary")


def refer_elsewhere(path: Path, *annotations: str) -> None:
    """Make these annotations of a document only name entries that are not in it."""
    text = path.read_text(encoding="utf-8")
    for one in annotations:
        text = text.replace(f'ANNOTATION_ID="{one}"', f'ANNOTATION_ID="{one}" CVE_REF="elsewhere"')
    path.write_text(text, encoding="utf-8")


def test_what_is_not_read_of_a_data_set_is_told_once(tmp_path):
    folder, dgs = tmp_path / "folder", tmp_path / "dgs"
    for name in ("a", "b"):
        document = trees.eaf(folder / f"{name}.eaf", [("sentence", "", [(0, 9, ""), (9, 18, "Ja."), (18, 27, "")])])
        refer_elsewhere(document, "a0", "a2")
        (folder / f"{name}.pose").touch()
        tiers = [(f"Deutsche_Übersetzung_{who}", "", [(0, 9, ""), (9, 18, "Ja.")]) for who in "AB"]
        refer_elsewhere(trees.eaf(dgs / f"{name}.eaf", tiers), "a0", "a2")
        (dgs / f"{name}_1a1.pose").touch()
    for found in (read_eaf_folder(folder, ImportOptions()), read_dgs_korpus(dgs, ImportOptions())):
        assert len(found.clips) == 2
        (told,) = [note for note in found.notes if "only name an entry of a vocabulary" in note]
        assert told.split("/")[-1].startswith("a.eaf and 1 more documents: 4 annotations only name")


def test_the_medium_may_begin_later(tmp_path):
    path = trees.eaf(tmp_path / "a.eaf", [("t", "", [(100, 300, "a")])], "v.mp4")
    path.write_text(
        path.read_text(encoding="utf-8").replace("MIME_TYPE", 'TIME_ORIGIN="2000" MIME_TYPE'), encoding="utf-8"
    )
    document = read_eaf(path)
    assert document.tier("t").annotations == (Annotation(0.1, 0.3, "a"),)
    assert document.on(Path("v.mp4")).tier("t").annotations == (Annotation(2.1, 2.3, "a"),)


def test_each_medium_has_a_beginning_of_its_own(tmp_path):
    path = trees.eaf(tmp_path / "a.eaf", [("t", "", [(100, 300, "a"), (5000, 6000, "b")])], "front.mp4")
    text = path.read_text(encoding="utf-8")
    other = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///C:/My%20Videos/{0}" MIME_TYPE="x" TIME_ORIGIN="{1}"/>'
    more = other.format("side.mp4", 3000) + other.format("sound.wav", -1000)
    path.write_text(text.replace("</HEADER>", f"{more}</HEADER>"), encoding="utf-8")
    document = read_eaf(path)
    spans = {name: [(a.start, a.end) for a in document.on(Path(name)).tier("t").annotations]
             for name in ("front.mp4", "SIDE.MP4", "sound.wav", "copy.mp4")}  # fmt: skip
    assert spans["front.mp4"] == spans["copy.mp4"] == [(0.1, 0.3), (5, 6)], "another one's origin does not count"
    assert spans["SIDE.MP4"] == [pytest.approx((3.1, 3.3)), (8, 9)]
    assert spans["sound.wav"] == [(4, 5)], "nothing lies before a medium begins"


def test_annotations_that_subdivide_one_share_its_time(tmp_path):
    path = trees.eaf(tmp_path / "a.eaf", [("sentence", "", [(0, 900, "Go, go home.")])])
    text = path.read_text(encoding="utf-8")
    above = text.split('ANNOTATION_ID="')[1].split('"')[0]
    glosses = [("g3", "HOME", "g2"), ("g1", "GO", ""), ("g2", "GO", "g1")]  # in no order
    parts = "".join(
        f'<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="{own}" ANNOTATION_REF="{above}"'
        + (f' PREVIOUS_ANNOTATION="{before}"' if before else "")
        + f"><ANNOTATION_VALUE>{value}</ANNOTATION_VALUE></REF_ANNOTATION></ANNOTATION>"
        for own, value, before in glosses
    )
    tier = f'<TIER TIER_ID="gloss" LINGUISTIC_TYPE_REF="x">{parts}</TIER>'
    path.write_text(text.replace("</ANNOTATION_DOCUMENT>", tier + "</ANNOTATION_DOCUMENT>"), encoding="utf-8")
    found = read_eaf(path).tier("gloss")
    assert [a.text for a in found.annotations] == ["GO", "GO", "HOME"]
    assert [a.start for a in found.annotations] == pytest.approx([0, 0.3, 0.6])
    assert [a.end for a in found.annotations] == pytest.approx([0.3, 0.6, 0.9])
    assert glosses_within([found], 0, 0.9) == "GO GO HOME"


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
