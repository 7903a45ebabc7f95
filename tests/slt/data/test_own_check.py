"""The check of a data set of one's own: each fault with the file and the line of the table."""

import shutil

import cv2
import numpy as np
import pytest

from slt.data.check import check
from slt.data.own_check import FEWEST_DEV
from slt.video import write_video
from tests.slt.data.own_sets import HEAD, sound_set, write_lines, write_poses


def test_the_fewest_dev_clips_are_those_of_the_abstention():
    from slt.translate.abstain import FEWEST

    assert FEWEST == FEWEST_DEV


@pytest.mark.parametrize("depth", ["quick", "all"])
def test_a_sound_set(tmp_path, depth):
    found = check(sound_set(tmp_path), depth)
    assert found.notes == (
        "4 of 4 clips are poses, not videos: `slt run` with --estimator poses",
        "dev has 1 clips: `slt run` needs 5 to set when the model abstains",
    )
    assert found.sound and found.as_dict()["sound"] is True
    assert {s: f.clips for s, f in found.splits.items()} == {"train": 2, "dev": 1, "test": 1}
    assert found.pictures["train"].frames == 12 and found.splits["dev"].speakers == {"dev-signer": 1}
    assert not found.is_phoenix and found.place.annotations == tmp_path / "clips.tsv"


def test_clips_without_sentence_and_signer_share_none(tmp_path):
    root = sound_set(tmp_path)
    splits = ("train", "train", "dev", "test")
    write_lines(root, *((f"{s}-{k}", s, "", "", "") for s, k in zip(splits, (0, 1, 0, 0), strict=True)))
    found = check(root)
    assert len(found.problems["texts"]) == 4
    for figures in found.splits.values():
        assert figures.sentences == 0 and not any(figures.clips_also_in.values()) and figures.speakers == {}


def test_invisible_characters_are_told(tmp_path):
    root = sound_set(tmp_path)
    table = root / "clips.tsv"
    table.write_text(table.read_text().replace("Hello, dev-0!", "Hello\u200b, dev-0!"))
    found = check(root)
    assert found.sound and any("1 texts have invisible characters, as U+200B in line 4" in n for n in found.notes)


def test_each_fault_with_its_line(tmp_path):
    root = sound_set(tmp_path)
    shutil.copy(root / "videos" / "train-1.safetensors", root / "x.safetensors")
    (root / "videos" / "torn.mp4").write_bytes(b"torn")
    (root / "videos" / "bare").mkdir()
    path = write_lines(
        root,
        ("train-0", "train", "anna", "", ""),
        ("train-0", "train", "anna", "", "again"),
        ("gone", "train", "anna", "", "y"),
        ("dev-0", "develop", "anna", "", "y"),
        ("torn", "test", "ben", "", "y"),
        ("bare", "test", "anna", "", "y"),
        ("short", "test"),
        ("x", "", "ben", "", "y"),
    )
    found = check(root)
    assert {kind: [text.replace(str(path), "T") for text in texts] for kind, texts in found.problems.items()} == {
        "annotation": [
            "T: line 3: the name train-0 stands in line 2 already; give it another one",
            "T: line 5: the split 'develop' is none of train, dev, test",
            "T: line 8: 2 fields, but the head line has 5; mend its tabs",
        ],
        "texts": ["T: line 2: clip train-0 has no text"],
        "splits": [
            "T: line 9: clip x has no split; write train, dev, test, "
            f"or `slt data new {root} --split 0.8,0.1,0.1 --force`",
            "T: no clip has the split dev; a training needs all of train, dev, test",
        ],
        "no_pictures": [f"T: line 4: clip gone has no video: no videos/gone.* or gone.* in {root}"],
        "empty": [f"T: line 7: {root / 'videos' / 'bare'}"],
        "unreadable": found.problems["unreadable"] and [found.problems["unreadable"][0].replace(str(path), "T")],
    }  # fmt: skip
    assert found.problems["unreadable"][0].startswith(f"{path}: line 6: ")
    assert any("4 of 5 clips have no glosses" in note or "5 of 5" in note for note in found.notes)
    assert any("1 signers are in several splits, as anna" in note for note in found.notes)


def test_the_same_video_and_text_in_two_splits(tmp_path):
    root = sound_set(tmp_path)
    lines = [(n, s, "", "A", t, "videos/train-0.safetensors") for n, s, t in
             (("a", "train", "x"), ("b", "test", "x"), ("c", "dev", "y"), ("d", "train", "x"))]  # fmt: skip
    path = write_lines(root, *lines, head=(*HEAD, "video"))
    found = check(root)
    assert found.problems == {"several_splits": [
        f"{path}: line 3: clip b in test has the video and the text of line 2 in train; leave one of them out"
    ]}  # fmt: skip


def test_no_split_at_all_is_said_once(tmp_path):
    root = sound_set(tmp_path)
    write_lines(root, *((f"{s}-0", "x") for s in ("train", "dev", "test")), head=("name", "text"))
    (text,) = check(root).problems["splits"]
    assert "no clip has a split" in text and "slt data new" in text


def test_an_empty_table_and_columns_that_are_not_read(tmp_path):
    path = write_lines(tmp_path, head=("name", "text", "gloss"))
    found = check(tmp_path)
    assert found.problems == {"annotation": [f"{path}: no clips in it, only the head line; write a line for each clip"]}
    assert found.notes == ("columns that are not read: gloss",)


def test_another_frame_rate_is_noted(tmp_path):
    root = sound_set(tmp_path)
    write_poses(root / "videos" / "train-0.safetensors", fps=30.0)
    (note,) = (note for note in check(root).notes if "second" in note)
    assert note == f'the first clip has 30 frames a second: put {{"fps": 30}} into {root / "corpus.json"}'
    (root / "corpus.json").write_text('{"fps": 30}')
    assert not any("second" in note for note in check(root).notes) and check(root).description.fps == 30


def test_videos_and_frames_are_decoded(tmp_path):
    root = sound_set(tmp_path)
    for name in ("train-0", "train-1"):
        (root / "videos" / f"{name}.safetensors").unlink()
    write_video(root / "train-0.mp4", [np.zeros((32, 48, 3), np.uint8)] * 5, 25.0)
    (root / "train-1").mkdir()
    for k, size in enumerate([(8, 9), (8, 9), (8, 10)]):
        cv2.imwrite(str(root / "train-1" / f"{k + 1}.png"), np.zeros((*size, 3), np.uint8))
    found = check(root, "all")
    assert found.pictures["train"].frames == 8 and list(found.problems) == ["sizes"]
    assert found.problems["sizes"][0].startswith(f"{root / 'clips.tsv'}: line 3: ")


def test_texts_without_spaces_are_told_what_to_train_with(tmp_path):
    texts = (("train", "明日は雨が降るでしょう。"), ("dev", "No."), ("test", "今夜は晴れるでしょう。"))
    lines = [(split, split, "", "A", text) for split, text in texts]
    write_lines(tmp_path, *lines)
    (note,) = (note for note in check(tmp_path).notes if "spaces" in note)
    assert note.startswith("2 of 2 texts have no spaces") and "level: char" in note
    write_lines(tmp_path, *(line[:4] + ("Some words here",) for line in lines))
    assert not any("spaces" in note for note in check(tmp_path).notes)


TIMES = (*HEAD, "video", "start", "end")


@pytest.mark.parametrize("depth", ["quick", "all"])
def test_parts_that_are_not_within_their_video(tmp_path, depth):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "v.mp4", np.zeros((50, 48, 64, 3), np.uint8), 25)
    (tmp_path / "videos" / "f").mkdir()
    for k in range(10):
        cv2.imwrite(str(tmp_path / "videos" / "f" / f"{k}.png"), np.zeros((48, 64, 3), np.uint8))
    write_poses(tmp_path / "videos" / "p.safetensors", frames=60, fps=30)
    (tmp_path / "corpus.json").write_text('{"fps": 10}', encoding="utf-8")
    lines = [("v1", "v.mp4", "0.4", "1"), ("v2", "v.mp4", "1", "2.5"), ("f1", "f", "0.5", "1"), ("f2", "f", "1", ""),
             ("p1", "p.safetensors", "1", "2"), ("p2", "p.safetensors", "0", "0.01"),
             ("v3", "v.mp4", "1.9", "2.14"), ("v4", "v.mp4", "1.5", "2.06")]  # fmt: skip
    table = write_lines(
        tmp_path, *((n, "train", "", "A", "x", f"videos/{v}", s, e) for n, v, s, e in lines), head=TIMES
    )
    found = check(tmp_path, depth)
    places = [text.split(": ")[:3] for text in found.problems["spans"]]
    expected = ((3, "v2"), (5, "f2"), (7, "p2"), (8, "v3"))
    assert places == [[str(table), f"line {line}", f"clip {name}"] for line, name in expected]
    assert found.pictures["train"].frames == 15 + 5 + 30 + 12, "only the frames of the parts count"
    assert "is not within its 2.00 s (50 frames)" in found.problems["spans"][0]


def test_parts_that_overlap_are_noted_and_refused_in_two_splits(tmp_path):
    write_poses(tmp_path / "p.safetensors", frames=250)
    lines = [("a", "train", "0", "4"), ("b", "train", "1", "2"), ("c", "train", "3", "5"), ("d", "train", "5", "6"),
             ("e", "dev", "5.9", "7"), ("g", "test", "7", "8"), ("h", "test", "8", "")]  # fmt: skip
    table = write_lines(tmp_path, *((n, s, "", "A", n, "p.safetensors", f, t) for n, s, f, t in lines), head=TIMES)
    found = check(tmp_path)
    assert found.problems == {"several_splits": [
        f"{table}: line 6: clip e has time in common with line 5, and they are in dev and train; "
        "change one split, or the times",
    ]}  # fmt: skip
    (note,) = (note for note in found.notes if "overlap" in note)
    assert note == (
        f"2 parts of recordings overlap: {table}: line 3: clip b has time in common with line 2; "
        f"{table}: line 4: clip c has time in common with line 2"
    )


def test_a_clip_that_is_a_whole_recording_overlaps_its_parts(tmp_path):
    write_poses(tmp_path / "p.safetensors", frames=50)
    lines = [("a", "train", "", ""), ("b", "dev", "0.5", "1"), ("c", "test", "1", "")]
    write_lines(tmp_path, *((n, s, "", "A", n, "p.safetensors", f, t) for n, s, f, t in lines), head=TIMES)
    assert len(check(tmp_path).problems["several_splits"]) == 2


def test_isolated_signs_are_sound_without_a_text(tmp_path):
    sound_set(tmp_path)
    lines = [(f"{split}-0", split, "HOUSE") for split in ("train", "dev", "test")]
    write_lines(tmp_path, *lines, head=("name", "split", "glosses"))
    found = check(tmp_path)
    assert found.sound and any("task: recognise" in note for note in found.notes)
    write_lines(tmp_path, *lines, ("train-1", "train", "NEW YORK"), head=("name", "split", "glosses"))
    assert check(tmp_path).sound
    empty = [(*line, "") for line in (*lines, ("train-1", "train", "NEW YORK"))]  # as `slt data new` begins a table
    write_lines(tmp_path, *empty, head=("name", "split", "glosses", "text"))
    assert check(tmp_path).sound
    write_lines(tmp_path, *lines, ("train-1", "train", ""), head=("name", "split", "glosses"))
    assert not check(tmp_path).sound


def test_sentences_of_glosses_whose_texts_are_still_to_be_written_are_not_isolated_signs(tmp_path):
    sound_set(tmp_path)
    lines = [(f"{split}-0", split, "TOMORROW RAIN NORTH", "") for split in ("train", "dev", "test")]
    write_lines(tmp_path, *lines, ("train-1", "train", "RAIN", ""), head=("name", "split", "glosses", "text"))
    assert len(check(tmp_path).problems["texts"]) == 4


def test_clips_as_long_as_recordings_are_told(tmp_path):
    root = sound_set(tmp_path)
    write_poses(root / "videos/train-1.safetensors", frames=1500)
    assert not any("one sentence" in note for note in check(root).notes)
    write_poses(root / "videos/train-1.safetensors", frames=1501)
    (told,) = [note for note in check(root).notes if "one sentence" in note]
    assert told.startswith("1 clips have more than 1500 frames, as train-1 (1501); ") and "start and end" in told
    (root / "corpus.json").write_text('{"fps": 50}')
    assert not any("one sentence" in note for note in check(root).notes)


def test_poses_beside_videos_are_told_apart(tmp_path):
    root = sound_set(tmp_path)
    assert not any("out" in note for note in check(root).notes)
    (root / "videos/train-1.safetensors").unlink()
    write_video(root / "videos/train-1.mp4", [np.zeros((64, 64, 3), np.uint8)] * 5, 25)
    (note,) = [note for note in check(root).notes if "are poses" in note]
    assert note.startswith("3 of 4 clips are poses, 1 videos or pictures, of which `slt run` reads one kind")


def test_zeros_that_a_spreadsheet_took_off_are_told(tmp_path):
    lines = [("1", "train", "", "", "a"), ("0002", "dev", "", "", "b"), ("3", "test", "", "", "c")]
    write_lines(tmp_path, *lines)
    for name in ("0001", "0002", "0004"):
        write_poses(tmp_path / "videos" / f"{name}.safetensors")
    told = check(tmp_path).problems["no_pictures"]
    assert "line 2: clip 1 has no video, but 0001.safetensors is there: spreadsheets take zeros off" in told[0]
    assert told[1].endswith(f"clip 3 has no video: no videos/3.* or 3.* in {tmp_path}") and len(told) == 2


def test_what_is_to_be_typed_for_splits_can_be_pasted(tmp_path):
    root = tmp_path / "my signs"
    write_poses(root / "a.safetensors")
    write_lines(root, ("a", "", "", "", "Hello."))
    (told,) = check(root).problems["splits"]
    assert f"`slt data new '{root}' --split 0.8,0.1,0.1 --force`" in told
