"""The annotation of ELAN: parsed, held against what the format asks for, and against its schema where that is at hand.

The schema is no part of the project: `EAF_SCHEMA` names a file of it (EAFv3.0.xsd, of ELAN), or it lies in ../shared.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slt.recognise.decoding.align import Sign
from slt.segment.written.cues import NOT_UNDERSTOOD, Cue, milliseconds
from slt.segment.written.eaf import eaf
from tests.slt.segment.written.eaf_schema import faults
from tests.slt.segment.written.test_subtitles import cues

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@given(cues())
def test_everything_can_be_read_back(given_cues):
    root = ElementTree.fromstring(eaf(given_cues).encode())
    slots = {one.get("TIME_SLOT_ID"): int(one.get("TIME_VALUE")) for one in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    sentences = list(root.iterfind("TIER[@TIER_ID='sentence']/ANNOTATION/ALIGNABLE_ANNOTATION"))
    times = [(slots[one.get("TIME_SLOT_REF1")], slots[one.get("TIME_SLOT_REF2")]) for one in sentences]
    assert times == list(milliseconds(given_cues)) and all(start < end for start, end in times)
    assert [one.findtext("ANNOTATION_VALUE") for one in sentences] == [cue.shown for cue in given_cues]
    sure = list(root.iterfind("TIER[@TIER_ID='confidence']/ANNOTATION/REF_ANNOTATION"))
    told = {one.get("ANNOTATION_REF"): float(one.findtext("ANNOTATION_VALUE")) for one in sure}
    wanted = {f"a{k}": round(cue.confidence, 3) for k, cue in enumerate(given_cues, 1) if cue.confidence is not None}
    assert told == wanted
    names = [one.get("ANNOTATION_ID") for one in (*sentences, *sure)]
    assert len(set(names)) == len(names) and len(names) == int(root.findtext("HEADER/PROPERTY"))


def test_the_structure_is_that_of_version_3(tmp_path):
    made = [Cue(0.0, 1.0, "a < b & c", 0.75), Cue(1.0, 2.0, None)]
    video = tmp_path / "in" / "my talk.mp4"
    root = ElementTree.fromstring(eaf(made, video, tmp_path / "out", NOW).encode())
    assert (root.tag, root.get("FORMAT"), root.get("DATE")) == (
        "ANNOTATION_DOCUMENT",
        "3.0",
        "2026-01-02T03:04:05+00:00",
    )
    order = ["HEADER", "TIME_ORDER", "TIER", "TIER", "LINGUISTIC_TYPE", "LINGUISTIC_TYPE", "CONSTRAINT"]
    assert [child.tag for child in root] == order
    link = root.find("HEADER/MEDIA_DESCRIPTOR")
    assert link.get("MEDIA_URL") == f"file://{tmp_path}/in/my%20talk.mp4" and link.get("MIME_TYPE") == "video/mp4"
    assert link.get("RELATIVE_MEDIA_URL") == "../in/my talk.mp4"
    sentence, confidence = root.iterfind("TIER")
    assert sentence.get("PARENT_REF") is None and confidence.get("PARENT_REF") == "sentence"
    kinds = {one.get("LINGUISTIC_TYPE_ID"): one for one in root.iterfind("LINGUISTIC_TYPE")}
    assert kinds[sentence.get("LINGUISTIC_TYPE_REF")].get("TIME_ALIGNABLE") == "true"
    assert kinds["sentence"].get("CONSTRAINTS") is None
    assert kinds[confidence.get("LINGUISTIC_TYPE_REF")].get("TIME_ALIGNABLE") == "false"
    assert kinds["confidence"].get("CONSTRAINTS") == root.find("CONSTRAINT").get("STEREOTYPE") == "Symbolic_Association"
    assert [one.text for one in root.iter("ANNOTATION_VALUE")] == ["a < b & c", NOT_UNDERSTOOD, "0.750"]


def test_links_beside_the_video_and_without_one(tmp_path):
    beside = eaf([], tmp_path / "x.avi", tmp_path, NOW)
    assert 'RELATIVE_MEDIA_URL="./x.avi"' in beside
    assert "RELATIVE_MEDIA_URL" not in eaf([], Path("x.unknown"), None, NOW)
    assert 'MIME_TYPE="unknown"' in eaf([], Path("x.unknown"), None, NOW)
    assert "MEDIA_DESCRIPTOR" not in eaf([Cue(0.0, 1.0, "x")])


def test_glosses_lie_within_their_sentence_in_a_tier_of_their_own():
    signs = (Sign("REGEN", 0.9, 1.4, 0.9), Sign("NORD", 1.3, 1.8, 0.8), Sign("WIND", 1.9, 2.6, 0.7))
    made = [Cue(1.0, 2.0, "regen", 0.5, signs), Cue(3.0, 4.0, "wind", 0.5, (Sign("WIND", 3.5, 3.9, 0.9),))]
    root = ElementTree.fromstring(eaf(made))
    values = [int(one.get("TIME_VALUE")) for one in root.iter("TIME_SLOT")]
    assert values == sorted(values) and len(values) == 2 * (2 + 4)
    slots = {one.get("TIME_SLOT_ID"): int(one.get("TIME_VALUE")) for one in root.iter("TIME_SLOT")}
    tier = next(one for one in root.iter("TIER") if one.get("TIER_ID") == "gloss")
    assert tier.get("PARENT_REF") == "sentence"
    found = [(slots[one.get("TIME_SLOT_REF1")], slots[one.get("TIME_SLOT_REF2")], one[0].text)
             for one in tier.iter("ALIGNABLE_ANNOTATION")]  # fmt: skip
    assert found == [(1000, 1400, "REGEN"), (1400, 1800, "NORD"), (1900, 2000, "WIND"), (3500, 3900, "WIND")]
    ids = [one.get("ANNOTATION_ID") for one in root.iter() if one.get("ANNOTATION_ID")]
    assert ids == [f"a{k}" for k in range(1, len(ids) + 1)]
    assert next(root.iter("PROPERTY")).text == str(len(ids))
    kinds = {one.get("LINGUISTIC_TYPE_ID"): one.get("CONSTRAINTS") for one in root.iter("LINGUISTIC_TYPE")}
    assert kinds == {"sentence": None, "gloss": "Included_In", "confidence": "Symbolic_Association"}
    assert "gloss" not in eaf([Cue(1.0, 2.0, "regen", 0.5)])


@st.composite
def signed_cues(draw: st.DrawFn) -> list[Cue]:
    """Cues with glosses that may overlap each other and lie outside of their sentence; of one signer, or of several."""
    result = []
    who = st.just(None) if draw(st.booleans()) else st.integers(1, 3)
    for cue in draw(cues()):
        drawn = st.tuples(st.text(max_size=8), st.floats(-0.5, 3), st.floats(0, 2))
        signs = tuple(
            Sign(gloss, cue.start_s + at, cue.start_s + at + long, 0.5)
            for gloss, at, long in draw(st.lists(drawn, max_size=4))
        )
        result.append(Cue(cue.start_s, cue.end_s, cue.text, cue.confidence, signs, draw(who)))
    return result


VIDEOS = st.sampled_from(
    [None, "talk.mp4", "in/my talk & \u00fcbung.mov", "x.unknown", "100%.mp4", "%zz[1].mp4", "a#b?\"c'.mp4", "a\nb.mp4"]
)


@given(signed_cues(), VIDEOS)
def test_every_document_is_valid_by_the_schema_and_elans_rules(given_cues, video):
    media = None if video is None else Path("/videos") / video
    text = eaf(given_cues, media, Path("/out"), NOW)
    assert faults(ElementTree.fromstring(text.encode())) == []


@pytest.fixture(scope="module", name="schema")
def _schema():
    etree = pytest.importorskip("lxml.etree", reason="lxml is not installed")
    shared = Path(__file__).parents[5] / "shared"
    path = Path(os.environ.get("EAF_SCHEMA") or next(shared.glob("**/EAFv3.0.xsd"), Path("EAFv3.0.xsd")))
    if not path.is_file():
        pytest.skip(f"{path}: no schema of EAF; name one by EAF_SCHEMA")
    return etree, etree.XMLSchema(etree.parse(path))


@given(given_cues=signed_cues(), video=VIDEOS)
def test_every_document_is_valid_by_the_schema_itself(schema, given_cues, video):
    etree, schema = schema
    media = None if video is None else Path("/videos") / video
    root = etree.fromstring(eaf(given_cues, media, Path("/out"), NOW).encode())
    assert schema.validate(root), schema.error_log


def test_each_signer_has_tiers_of_their_own():
    signs = (Sign("REGEN", 2.1, 2.4, 0.9),)
    made = [Cue(1.0, 2.0, "wind", 0.5, (), 2), Cue(2.0, 3.0, "regen", 0.25, signs, 1), Cue(4.0, 5.0, None, None, (), 2)]
    root = ElementTree.fromstring(eaf(made))
    assert faults(root) == []
    found = {
        tier.get("TIER_ID"): (
            tier.get("PARTICIPANT"),
            tier.get("PARENT_REF"),
            [one.text for one in tier.iter("ANNOTATION_VALUE")],
        )
        for tier in root.iter("TIER")
    }
    assert found == {
        "sentence@signer 1": ("signer 1", None, ["regen"]),
        "confidence@signer 1": ("signer 1", "sentence@signer 1", ["0.250"]),
        "gloss@signer 1": ("signer 1", "sentence@signer 1", ["REGEN"]),
        "sentence@signer 2": ("signer 2", None, ["wind", NOT_UNDERSTOOD]),
        "confidence@signer 2": ("signer 2", "sentence@signer 2", ["0.500"]),
        "gloss@signer 2": ("signer 2", "sentence@signer 2", []),
    }  # fmt: skip
    ids = [one.get("ANNOTATION_ID") for one in root.iter() if one.get("ANNOTATION_ID")]
    assert sorted(ids) == [f"a{k}" for k in range(1, 7)] and root.findtext("HEADER/PROPERTY") == "6"


@pytest.mark.parametrize(
    ("whole", "damaged", "told"),
    [
        ('AUTHOR=""', "", "attributes"),
        ('TIME_SLOT_REF1="ts1"', 'TIME_SLOT_REF1="ts99"', "nowhere"),
        ('TIME_SLOT_ID="ts2"', 'TIME_SLOT_ID="ts1"', "given"),
        ('TIME_VALUE="1000"', 'TIME_VALUE="1000.5"', "time"),
        ('PARENT_REF="sentence"', "", "constraint"),
        ('STEREOTYPE="Symbolic_Association"', 'STEREOTYPE="Included_In"', "nowhere"),
        ('MIME_TYPE="video/mp4"', "", "attributes"),
        ("file:///videos/talk.mp4", "talk.mp4", "media"),
        ("./talk.mp4", "./100%.mp4", "no address"),
        ("T03:04:05+00:00", "T03:04:05.5.5+00:00", "date"),
        ('TIME_VALUE="3000"', 'TIME_VALUE="4294967296"', "time"),
        ('TIME_VALUE="3000"', 'TIME_VALUE="1500"', "order"),
        ("<ANNOTATION_VALUE>0.500</ANNOTATION_VALUE>", "", "REF_ANNOTATION"),
    ],
)
def test_the_rules_find_what_is_wrong(whole, damaged, told):
    made = [Cue(1.0, 2.0, "regen", 0.5), Cue(2.0, 3.0, "wind")]
    text = eaf(made, Path("/videos/talk.mp4"), Path("/videos"), NOW)
    assert whole in text and faults(ElementTree.fromstring(text)) == []
    wrong = text.replace(whole, damaged, 1)
    try:
        root = ElementTree.fromstring(wrong)
    except ElementTree.ParseError:
        pytest.fail("the damage has to leave it well-formed")
    assert any(told in fault for fault in faults(root)), faults(root)
