"""Public layouts become data sets that the check finds sound, clip by clip what stands in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from skeletor.io.formats import read_pose
from skeletor.io.read_only import dgs_openpose
from skeletor.support.errors import InputError
from slt.data.check import check
from slt.data.importers.base import ImportOptions
from slt.data.importers.registry import KINDS
from slt.data.importers.write import import_data
from slt.data.own import describe, read_own, read_table
from slt.data.own_new import SplitPlan
from slt.estimators.pose_files import PosesEstimator
from slt.recognise.decoding.align import Sign
from slt.segment.written.cues import Cue
from slt.segment.written.eaf import eaf
from slt.video import Span, open_video
from tests.slt.data.importers import trees

H2S = "how2sign_realigned_test.csv"


def names_of(root: Path) -> list[tuple[str, str]]:
    return [(e.clip.name, e.clip.split) for e in read_table(root).entries]


def test_how2sign_sentences_talks_and_openpose(tmp_path):
    made = import_data("how2sign", trees.how2sign(tmp_path), tmp_path)
    assert (made.clips, made.splits, made.notes) == (6, {"train": 2, "dev": 2, "test": 2, "": 0}, ())
    assert check(tmp_path).problems == {}
    clips = {clip.name: clip for clip in read_own(tmp_path).clips}
    train, dev, test = (clips[f"-x{split}_1-5-rgb_front"] for split in ("train", "val", "test"))
    assert train.source == tmp_path / "sentence_level/train/rgb_front/raw_videos/-xtrain_1-5-rgb_front.mp4"
    assert train.span is None and train.speaker == "5" and train.text == 'He says "1", I\'m told.'
    assert dev.source.parent.name == "json" and dev.span is None and dev.source.is_dir()
    assert test.source.name == "-xtest-5-rgb_front.mp4" and test.span == Span(0.8, 1.56)
    with open_video(test.source, span=test.span) as part:
        assert part.frame_count == 19
    about = describe(tmp_path)
    assert (about.fps, about.language, about.licence) == (30, "en", "CC BY-NC 4.0")
    assert len(PosesEstimator(fps=about.fps)(dev.source)) == 12


def test_how2sign_without_the_realigned_tables_and_with_parts_missing(tmp_path):
    trees.how2sign(tmp_path)
    for path in tmp_path.rglob("how2sign_realigned_*.csv"):
        path.unlink()
    (tmp_path / "sentence_level/train/rgb_front/raw_videos/-xtrain_0-5-rgb_front.mp4").unlink()
    made = import_data("how2sign", tmp_path, tmp_path)
    assert made.notes == ("1 sentences have no recording here and are left out",)
    clips = {clip.name: clip for clip in read_own(tmp_path).clips}
    assert len(clips) == 5 and {clip.text for clip in clips.values()} == {"unaligned"}
    assert [c.span for c in clips.values() if c.split == "test"] == [Span(0, 0.76), Span(0.8, 1.56)]


def test_phoenix2014_has_glosses_and_no_sentence(tmp_path):
    trees.phoenix2014(tmp_path)
    made = import_data("phoenix2014", tmp_path, tmp_path)
    assert made.splits == {"train": 1, "dev": 1, "test": 1, "": 0}
    assert "3 clips have no pictures here and are left out" in made.notes
    assert any("--glosses-as-text" in note for note in made.notes)
    assert list(check(tmp_path).problems) == ["texts"]
    import_data("phoenix2014", tmp_path, tmp_path, ImportOptions(glosses_as_text=True), force=True)
    assert check(tmp_path, "all").problems == {}
    clip = read_own(tmp_path).clips[0]
    assert (
        clip.glosses == ("ICH", "OSTERN", "WETTER") and clip.text == "ICH OSTERN WETTER" and clip.speaker == "Signer04"
    )
    assert clip.source.name == "1" and len(list(clip.source.iterdir())) == 6
    assert describe(tmp_path).y_scale == pytest.approx(300 / 260)


def test_phoenix2014_of_signers_kept_apart_and_of_two_releases(tmp_path):
    trees.phoenix2014(tmp_path, "phoenix-2014-signerindependent-SI5", ".SI5")
    assert import_data("phoenix2014", tmp_path, tmp_path).clips == 3
    trees.phoenix2014(tmp_path)
    with pytest.raises(InputError, match=r"several releases; give one of them: .*multisigner and .*SI5"):
        import_data("phoenix2014", tmp_path, tmp_path, force=True)


def test_csl_daily_is_text_without_spaces_and_its_pickle_stays_closed(tmp_path):
    made = import_data("csl-daily", trees.csl_daily(tmp_path), tmp_path)
    assert names_of(tmp_path) == [
        ("S000001_P0000_T00", "train"), ("S000002_P0003_T00", "dev"), ("S000003_P0003_T01", "test"),
    ]  # fmt: skip
    assert "1 clips have no pictures here and are left out" in made.notes and check(tmp_path).problems == {}
    clip = read_own(tmp_path).clips[1]
    assert (clip.text, clip.glosses, clip.speaker) == ("他明天去。", ("他", "明天", "去"), "0003")
    assert (describe(tmp_path).fps, describe(tmp_path).language) == (30, "zh")


def test_dgs_korpus_people_have_views_of_their_own(tmp_path):
    made = import_data("dgs-korpus", trees.dgs_korpus(tmp_path), tmp_path)
    clips = {e.clip.name: e.clip for e in read_table(tmp_path).entries}
    first, second = "1413451-11105600-11163240", "1413485"
    assert list(clips) == [f"{first}_A_0001", f"{first}_B_0002", f"{second}_A_0001"]
    a, b, other = clips.values()
    assert (a.text, a.glosses, a.span) == ("Ich heiße Anna.", ("ICH1", "$NAME_zeigen"), Span(0, 0.8))
    assert (b.text, b.span, b.source.name) == ("Und du?", Span(0.4, 1.2), f"{first}_1b1.mp4")
    assert (other.text, other.source.name) == ("Guten Tag.", f"{second}_1a1.mp4")
    assert "1 sentences are of a view that is not here and are left out" in made.notes
    assert "1 subtitles do not say who signs (A: or B:) and are left out" in made.notes
    assert set(check(tmp_path).problems) == {"splits"}, "it has none of its own"
    english = import_data("dgs-korpus", tmp_path, tmp_path, ImportOptions(language="en"), force=True)
    assert english.clips == 1 and read_table(tmp_path).entries[0].clip.text == "My name is Anna."


def test_dgs_korpus_openpose_stands_for_views_without_a_video(tmp_path):
    made = import_data("dgs-korpus", trees.dgs_openpose(tmp_path), tmp_path)
    clips = {e.clip.name: e.clip for e in read_table(tmp_path).entries}
    first, second = "1413451-11105600-11163240", "1413485"
    assert list(clips) == [f"{first}_A_0001", f"{first}_B_0002", f"{second}_A_0001"]
    assert any("1 clips are of a view that their file of poses does not have" in note for note in made.notes)
    a, b, other = clips.values()
    assert (a.source, a.span) == (tmp_path / "poses" / f"{first}_1a1.safetensors", Span(0, 0.8))
    assert b.source.name == f"{first}_1b1.safetensors" and other.source.name == f"{second}_1a1.safetensors"
    assert set(check(tmp_path).problems) == {"splits"} and describe(tmp_path).fps == 50
    whole = read_pose(a.source)
    assert len(whole) == 85 == len(read_pose(b.source)) and whole.fps == 50
    pose = PosesEstimator()(a.source, a.span)
    assert len(pose) == 40 and pose.missing.all(1).nonzero()[0].tolist() == [7]
    pose = PosesEstimator()(b.source, b.span)
    assert len(pose) == 40 and not pose.missing.all(1).any()
    assert pose.keypoints[0, :, 0].min() > 300, "person B, by the view b1"


def test_dgs_korpus_openpose_gives_way_to_videos_unless_preferred(tmp_path):
    trees.dgs_openpose(tmp_path)
    first = "1413451-11105600-11163240"
    trees.video(tmp_path / "videos" / f"{first}_1a1.mp4")
    for prefer, suffix in (("videos", ".mp4"), ("poses", ".safetensors")):
        import_data("dgs-korpus", tmp_path, tmp_path, ImportOptions(prefer=prefer), force=True)
        assert read_table(tmp_path).entries[0].clip.source.name == f"{first}_1a1{suffix}"


def test_dgs_korpus_openpose_has_the_times_of_the_view_that_it_stands_for(tmp_path):
    trees.dgs_openpose(tmp_path)
    first = "1413451-11105600-11163240"
    (document,) = tmp_path.rglob(f"{first}.eaf")
    linked = '<MEDIA_DESCRIPTOR MEDIA_URL="file:///{0}_{1}.mp4" MIME_TYPE="video/mp4" TIME_ORIGIN="{2}"/>'
    media = "".join(linked.format(first, view, origin) for view, origin in (("1a1", 200), ("1b1", 100), ("1c", 900)))
    text = document.read_text(encoding="utf-8").replace("</HEADER>", f"{media}</HEADER>")
    document.write_text(text, encoding="utf-8")
    import_data("dgs-korpus", tmp_path, tmp_path)
    clips = {e.clip.name: e.clip.span for e in read_table(tmp_path).entries}
    assert (clips[f"{first}_A_0001"], clips[f"{first}_B_0002"]) == (Span(0.2, 1.0), Span(0.5, 1.3))


def test_dgs_korpus_reads_each_transcript_once(tmp_path, monkeypatch):
    read = []
    cameras = dgs_openpose.read_cameras
    monkeypatch.setattr(dgs_openpose, "read_cameras", lambda path, *args: read.append(path) or cameras(path, *args))
    import_data("dgs-korpus", trees.dgs_openpose(tmp_path), tmp_path)
    assert len(read) == len(set(read)) == 2


def test_dgs_korpus_damaged_openpose_is_one_line(tmp_path):
    (path,) = trees.dgs_openpose(tmp_path).rglob("*_openpose.json.gz")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError) as error:
        import_data("dgs-korpus", tmp_path, tmp_path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_a_folder_of_elan_documents(tmp_path):
    trees.video(tmp_path / "a" / "talk.mp4")
    trees.video(tmp_path / "b" / "talk.mp4")
    tiers = [("Übersetzung", "anna", [(0, 900, "Hello."), (900, 1800, "World.")]),
             ("Other", "ben", [(200, 400, "Hm?")]),
             ("Signs", "anna", [(0, 300, "HELLO"), (900, 1000, "WORLD")])]  # fmt: skip
    trees.eaf(tmp_path / "a" / "talk.eaf", tiers, "talk.mp4")
    trees.eaf(tmp_path / "b" / "talk.eaf", tiers, "talk.mp4")
    trees.eaf(tmp_path / "b" / "alone.eaf", tiers, "gone.mp4")
    options = ImportOptions(text_tiers=["Übersetzung", "Other"], gloss_tiers=["Signs"])
    made = import_data("eaf", tmp_path, tmp_path, options)
    clips = {e.clip.name: e.clip for e in read_table(tmp_path).entries}
    assert list(clips) == [*(f"talk_{k:04}" for k in (1, 2, 3)), *(f"b_talk_{k:04}" for k in (1, 2, 3))]
    assert [c.text for c in clips.values()][:3] == ["Hello.", "Hm?", "World."]
    assert [c.glosses for c in clips.values()][:3] == [("HELLO",), (), ("WORLD",)], "each person's own"
    assert {c.source.parent.name for c in clips.values() if c.name.startswith("b_")} == {"b"}
    assert [c.speaker for c in clips.values()][:2] == ["anna", "ben"]
    assert made.notes == (
        f"{tmp_path / 'b' / 'alone.eaf'}: its video is not in {tmp_path}; its sentences are left out",
    )
    with pytest.raises(InputError, match="no tier 'sentence'; its tiers are Übersetzung, Other, Signs"):
        import_data("eaf", tmp_path, tmp_path, force=True)


@pytest.mark.parametrize("signers", [(None, None), (1, 2)])
def test_what_slt_translate_writes_is_read_again_but_for_what_was_not_understood(tmp_path, signers):
    video = trees.video(tmp_path / "my talk.mp4")
    cues = [
        Cue(0.0, 0.4, "Hello.", 0.9, (Sign("HELLO", 0.1, 0.3, 0.5),), signers[0]),
        Cue(0.4, 0.8, None, signer=signers[1]),
        Cue(0.8, 1.2, "World.", 0.8, (Sign("WORLD", 0.9, 1.1, 0.5),), signers[1]),
    ]
    (tmp_path / "my talk.eaf").write_text(eaf(cues, video, tmp_path), encoding="utf-8")
    made = import_data("eaf", tmp_path, tmp_path)
    clips = [e.clip for e in read_table(tmp_path).entries]
    assert [(c.text, c.glosses, c.span, c.speaker) for c in clips] == [
        ("Hello.", ("HELLO",), Span(0.0, 0.4), ""), ("World.", ("WORLD",), Span(0.8, 1.2), "")
    ]  # fmt: skip
    assert made.notes[0].startswith("1 sentences are [not understood] and are left out")
    assert len(made.notes) == 1 + (signers[0] is not None), "numbers are nobody's name"


def test_splits_are_drawn_by_signer_on_request(tmp_path):
    people = [(f"p{k}", 2 + k) for k in range(4)]
    for who, count in people:
        trees.video(tmp_path / f"{who}.mp4", 25)
        trees.eaf(
            tmp_path / f"{who}.eaf", [("sentence", who, [(k * 100, k * 100 + 100, f"{k}.") for k in range(count)])]
        )
    made = import_data("eaf", tmp_path, tmp_path, plan=SplitPlan(by_signer=True))
    assert made.splits[""] == 0 and all(made.splits[split] for split in ("train", "dev", "test"))
    signers = {(e.clip.speaker, e.clip.split) for e in read_table(tmp_path).entries}
    assert len(signers) == len(people) and check(tmp_path).problems == {}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_such_data_set_is_one_line(tmp_path, kind):
    for source in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError) as error:
            import_data(kind, source, tmp_path)
        assert str(source) in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "clips.tsv").exists()


@pytest.mark.parametrize(
    ("made", "kind", "file", "old", "new", "message"),
    [
        (trees.how2sign, "how2sign", H2S, "SENTENCE_NAME", "NAME", "no column 'SENTENCE_NAME'"),
        (trees.how2sign, "how2sign", H2S, "\t0.76\t", "\tsoon\t", "line 2: '0' to 'soon'"),
        (trees.how2sign, "how2sign", H2S, "\t0.76\t", "\t", "line 2: 8 fields"),
        (trees.phoenix2014, "phoenix2014", "dev.corpus.csv", "annotation", "orth", "no column 'annotation'"),
        (trees.csl_daily, "csl-daily", "split_1.txt", "name|", "clip|", "no column 'name'"),
        (trees.csl_daily, "csl-daily", "video_map.txt", "|6|", "|", "line 2: 6 fields"),
        (trees.dgs_korpus, "dgs-korpus", "1413485_de.srt", "00:00:00,800 -->", "00:800 -->", "line 6: "),
        (trees.dgs_korpus, "dgs-korpus", "1413451-11105600-11163240.eaf", "</TIER>", "", "not XML, or damaged"),
    ],
)  # fmt: skip
def test_damaged_tables_are_told_with_file_and_line(tmp_path, made, kind, file, old, new, message):
    (path,) = made(tmp_path).rglob(file)
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message) as error:
        import_data(kind, tmp_path, tmp_path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
