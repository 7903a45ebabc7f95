"""The table of an imported data set: recordings are where it says, and none out of its folder unasked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from skeletor.support.errors import InputError
from slt.cli.corpora.data import main
from slt.data.check import check
from slt.data.importers.write import import_data
from slt.data.own import read_own
from tests.slt.data.importers import trees


@pytest.fixture
def source(tmp_path) -> Path:
    return trees.how2sign(tmp_path / "How2Sign")


def files_below(folder: Path) -> list[str]:
    return sorted(str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file())


def test_nothing_is_taken_from_elsewhere_unasked(source, tmp_path):
    mine = tmp_path / "mine"
    with pytest.raises(InputError, match=r"lies outside of .*mine; .*--media link"):
        import_data("how2sign", source, mine)
    assert not mine.exists()
    import_data("how2sign", source, tmp_path)
    assert all(clip.source.is_relative_to(source) for clip in read_own(tmp_path).clips)
    assert files_below(tmp_path / "How2Sign") == files_below(source), "the data set is left as it is"


@pytest.mark.parametrize("media", ["link", "copy"])
def test_links_and_copies(source, tmp_path, media):
    before = files_below(source)
    made = import_data("how2sign", source, tmp_path / "mine", media=media)
    clips = read_own(tmp_path / "mine").clips
    assert made.clips == len(clips) == 6 and check(tmp_path / "mine").problems == {} and files_below(source) == before
    clip = next(clip for clip in clips if clip.split == "train")
    original = next(source.rglob(f"rgb_front/raw_videos/{clip.source.name}"))
    assert clip.source.is_relative_to(tmp_path / "mine" / "videos") and not clip.source.is_symlink()
    assert os.path.samefile(clip.source, original) == (media == "link")
    assert clip.source.read_bytes() == original.read_bytes()
    stamp = clip.source.stat().st_mtime_ns
    import_data("how2sign", source, tmp_path / "mine", media=media, force=True)
    assert clip.source.stat().st_mtime_ns == stamp, "what is there is kept"


def test_a_link_in_the_tree_that_leads_out_is_outside(source, tmp_path):
    video = next(source.rglob("rgb_front/raw_videos/-xtrain_0-5-rgb_front.mp4"))
    video.rename(tmp_path / "elsewhere.mp4")
    video.symlink_to(tmp_path / "elsewhere.mp4")
    with pytest.raises(InputError, match=rf"{video.name}: lies outside"):
        import_data("how2sign", source, source)


def test_a_table_that_is_there_is_not_touched_and_corpus_json_never(source):
    (source / "corpus.json").write_text('{"fps": 12}', encoding="utf-8")
    made = import_data("how2sign", source, source)
    assert any("is kept as it is" in note for note in made.notes)
    assert (source / "corpus.json").read_text(encoding="utf-8") == '{"fps": 12}'
    before = (source / "clips.tsv").read_bytes()
    with pytest.raises(InputError, match="is there already; --force"):
        import_data("how2sign", source, source)
    assert (source / "clips.tsv").read_bytes() == before


def test_lines_that_a_table_cannot_have_are_left_out_and_said(source):
    (table,) = source.rglob("how2sign_realigned_train.csv")
    text = table.read_text(encoding="utf-8")
    table.write_text(text + text.splitlines()[1] + "\n", encoding="utf-8")
    (talk,) = source.rglob("how2sign_realigned_test.csv")
    talk.write_text(talk.read_text(encoding="utf-8").replace("\t0.76\t", "\t0\t"), encoding="utf-8")
    made = import_data("how2sign", source, source)
    assert made.clips == 5
    assert made.notes == (
        "2 lines cannot be used and are left out, as '-xtrain_0-5-rgb_front': its name stands there twice",
    )


def test_the_command_says_what_comes_next(source, capsys):
    assert main("data", ["import", "how2sign", str(source), "--split", "0.4,0.3,0.3"], "") == 0
    told = capsys.readouterr().out
    assert f"{source / 'clips.tsv'}: 6 clips; train 2, dev 2, test 2" in told and f"slt data check {source}" in told
    with pytest.raises(InputError, match="--by-signer"):
        main("data", ["import", "how2sign", str(source), "--by-signer", "--force"], "")
    assert main("data", ["check", str(source)], "") == 0


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("how2sign", ["--language", "de"], "--language: is of dgs-korpus, slrtp, skels, eaf, not of how2sign"),
        ("phoenix2014", ["--text-tier", "x"], "--text-tier: is of eaf, not of phoenix2014"),
        ("eaf", ["--glosses-as-text"], "--glosses-as-text: is of phoenix2014, not of eaf"),
        ("eaf", ["--language", "not a code"], "'language'"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(tmp_path, kind, options, message):
    with pytest.raises(InputError, match=message):
        main("data", ["import", kind, str(tmp_path), *options], "")
