"""Odd but sound forms in which people have data sets: read right, or refused in one line. No video is opened."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from skeletor.support.errors import InputError
from slt.data.importers.base import ImportOptions, read_table_of
from slt.data.importers.write import import_data
from slt.data.own import read_table
from tests.slt.data.importers import trees

Change = Callable[[str], str]
SRT = "1\n00:00:00,500 --> 00:00:01,500\nA: Guten Tag.\n\n2\n00:00:02,000 --> 00:00:03,000\nB: Und du?\n"
SAID = [("Guten Tag.", 0.5, 1.5), ("Und du?", 2.0, 3.0)]


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    return path


def imported(kind: str, root: Path, **options: object) -> tuple[list[tuple[str, float, float | None]], str]:
    """(text, start, end) of the clips, and the notes."""
    made = import_data(kind, root, root, ImportOptions.model_validate(options))
    clips = [entry.clip for entry in read_table(root).entries]
    return [(c.text, c.span.start, c.span.end) if c.span else (c.text, 0.0, None) for c in clips], " ".join(made.notes)


def how2sign(root: Path, change: Change, name: str = "how2sign_realigned_train.csv") -> Path:
    row = ("v", "v-5-rgb_front", "v_0", "v_0-5-rgb_front", "0.2", "0.25", "0.9", "0.95", "Hello; you, there.")
    text = "".join("\t".join(line) + "\n" for line in (trees.HOW2SIGN, row))
    (root / name).write_text(change(text), encoding="utf-8")
    touch(root / "raw_videos" / "v-5-rgb_front.mp4")
    return root


def quoted(separator: str) -> Change:
    return lambda text: "".join(
        separator.join(f'"{cell}"' for cell in line.split("\t")) + "\n" for line in text.splitlines()
    )


@pytest.mark.parametrize(
    "change", [quoted(","), quoted(";"), lambda t: t.replace(t[: t.index("\n")], t[: t.index("\n")].lower())]
)
def test_tables_as_spreadsheets_write_them(tmp_path: Path, change: Change) -> None:
    assert imported("how2sign", how2sign(tmp_path, change))[0] == [("Hello; you, there.", 0.25, 0.95)]


def test_a_column_that_is_named_as_it_should_be_is_not_taken_over_by_one_in_other_case(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("name|Name|SPLIT\nclip|Somebody|train\n", encoding="utf-8")
    ((_, row),) = read_table_of(tmp_path / "t.csv", "|", ("name", "split"), "a table")
    assert row["name"] == "clip" and row["split"] == "train"


def test_two_columns_that_may_be_the_same_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Name|NAME|split\na|b|train\n", encoding="utf-8")
    with pytest.raises(InputError, match="two columns may be 'name'"):
        read_table_of(tmp_path / "t.csv", "|", ("name", "split"), "a table")


def test_a_table_of_validation_is_one_of_dev(tmp_path: Path) -> None:
    how2sign(tmp_path, str, "how2sign_realigned_validation.csv")
    import_data("how2sign", tmp_path, tmp_path)
    assert [entry.clip.split for entry in read_table(tmp_path).entries] == ["dev"]


def test_clips_without_a_sentence_and_times_that_may_be_milliseconds_are_told(tmp_path: Path) -> None:
    how2sign(tmp_path, lambda t: t.replace("Hello; you, there.", "").replace("0.25", "250").replace("0.95", "950"))
    notes = imported("how2sign", tmp_path)[1]
    assert "1 clips have no sentence" in notes and "are their times seconds?" in notes


def elan(root: Path, change: Change = str, media: str = "talk.mp4", file: str = "talk.mp4") -> Path:
    path = trees.eaf(root / "x.eaf", [("sentence", "", [(500, 1500, "Guten Tag."), (2000, 3000, "Und du?")])], media)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    touch(root / file)
    return root


@pytest.mark.parametrize(
    ("media", "file"),
    [
        (unicodedata.normalize("NFD", "gespräch.mp4"), "gespräch.mp4"),
        ("gespräch.mp4", unicodedata.normalize("NFD", "gespräch.mp4")),
        ("talk#1.mp4", "talk#1.mp4"), ("what?.mp4", "what?.mp4"), ("mein%20talk.mp4", "mein talk.MP4"),
    ],
)  # fmt: skip
def test_a_linked_video_is_found_however_its_name_is_written(tmp_path: Path, media: str, file: str) -> None:
    assert imported("eaf", elan(tmp_path, media=media, file=file))[0] == SAID


@pytest.mark.parametrize(
    ("change", "options"),
    [
        (lambda t: t.replace('"sentence"', '"sentence "'), {}),
        (lambda t: unicodedata.normalize("NFD", t.replace('"sentence"', '"Übersetzung"')),
         {"text_tiers": ["Übersetzung"]}),
    ],
)  # fmt: skip
def test_a_tier_is_found_however_its_name_is_written(tmp_path: Path, change: Change, options: dict) -> None:
    assert imported("eaf", elan(tmp_path, change), **options)[0] == SAID


def test_a_tier_that_is_asked_for_and_nowhere_is_told(tmp_path: Path) -> None:
    found, notes = imported("eaf", elan(tmp_path), text_tiers=["sentence", "more"], gloss_tiers=["gls"])
    assert found == SAID and "--text-tier more: no document" in notes and "--gloss-tier gls: no document" in notes


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda t: t.replace('TIME_UNITS="milliseconds"', 'TIME_UNITS="PAL-frames"'), "times are in PAL-frames"),
        (lambda t: t.replace("</ANNOTATION_DOC", '<TIER TIER_ID="sentence"/></ANNOTATION_DOC'), "two tiers are called"),
    ],
)  # fmt: skip
def test_what_would_be_lost_or_shifted_is_refused(tmp_path: Path, change: Change, line: str) -> None:
    with pytest.raises(InputError, match=line):
        imported("eaf", elan(tmp_path, change))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("c_de.SRT", SRT, SAID),
        ("c_DE.srt", SRT, SAID),
        ("c_de.srt", SRT.replace("\n\n2", "\n2"), SAID),
        ("c_de.srt", SRT.replace("Tag.\n", "Tag.\nB: Und?\n"), [SAID[0], ("Und?", 0.5, 1.5), SAID[1]]),
    ],
)
def test_subtitles_of_two_people(tmp_path: Path, name: str, text: str, said: list) -> None:
    for view in ("1a1", "1b1"):
        touch(tmp_path / f"c_{view}.mp4")
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert imported("dgs-korpus", tmp_path)[0] == said


def test_a_transcript_without_the_tiers_of_sentences_is_told(tmp_path: Path) -> None:
    tiers = [("Deutsche_Übersetzung_A", "", [(500, 1500, "Guten Tag.")]), ("Deutsche_Übersetzung_B", "", [])]
    trees.eaf(tmp_path / "c.eaf", tiers)
    path = trees.eaf(tmp_path / "d.eaf", [("Satz_A", "", [(0, 900, "x")])])
    (tmp_path / "c.eaf").write_text(unicodedata.normalize("NFD", (tmp_path / "c.eaf").read_text(encoding="utf-8")))
    touch(tmp_path / "c_1a1.mp4")
    found, notes = imported("dgs-korpus", tmp_path)
    assert found == [SAID[0]] and "1 documents have no sentence in a tier Deutsche" in notes and path.exists()


def test_documents_of_one_name_in_many_folders_keep_all_their_clips(tmp_path: Path) -> None:
    for folder in "abc":
        elan(tmp_path / folder / "p")
    assert imported("eaf", tmp_path)[0] == SAID * 3


def test_a_clip_in_two_splits_is_refused(tmp_path: Path) -> None:
    trees.csl_daily(tmp_path)
    with (tmp_path / "sentence_label" / "split_1.txt").open("a", encoding="utf-8") as file:
        file.write("S000001_P0000_T00|test\n")
    with pytest.raises(InputError, match="line 6: S000001_P0000_T00 is in train already"):
        import_data("csl-daily", tmp_path, tmp_path)
