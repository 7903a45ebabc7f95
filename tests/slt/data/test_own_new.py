"""The table that is begun for a folder of videos, and how its splits are drawn."""

import os
from collections import Counter, defaultdict

import numpy as np
import pytest

from skeletor.support.errors import InputError
from slt.data import layout
from slt.data.own import describe, read_table
from slt.data.own_new import SplitPlan, draw_splits, new_table, write_table
from tests.slt.data.own_sets import sound_set, write_poses

PLAN = SplitPlan()


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def rows(root) -> dict:
    return {entry.clip.name: entry.cells for entry in read_table(root).entries}


def test_videos_frames_and_poses_become_lines(tmp_path):
    touch(tmp_path / "videos", "b.mp4", "a.avi", "c/0001.png", "d/1/0001.jpg", "e.pose", "b.pose", ".x.mp4", "notes.md",
          "empty.dir/readme")  # fmt: skip
    (tmp_path / "videos" / "a.TXT").write_text("  Ja,\n es regnet. ", encoding="utf-8")
    made = new_table(tmp_path)
    found = rows(tmp_path)
    assert list(found) == ["a", "b", "c", "d", "e"]
    assert [row["video"] for row in found.values()] == [f"videos/{n}" for n in ("a.avi", "b.mp4", "c", "d", "e.pose")]
    assert found["a"]["text"] == "Ja, es regnet." and found["b"]["text"] == ""
    assert (made.clips, made.without_text, made.kept) == (5, 4, 0) and made.splits[""] == 5
    assert read_table(tmp_path).faults == ()
    assert all(entry.clip.source is not None for entry in read_table(tmp_path).entries)


def test_videos_may_lie_in_the_folder_itself_or_in_folders_of_signers(tmp_path):
    touch(tmp_path, "anna/1.mp4", "anna/1.jpg", "anna/2.mp4", "anna/x.json", "ben/1.mp4", "3.mp4")
    new_table(tmp_path)
    assert {name: row["signer"] for name, row in rows(tmp_path).items()} == {
        "3": "", "anna_1": "anna", "anna_2": "anna", "ben_1": "ben",
    }  # fmt: skip
    touch(tmp_path / "takes", "9.mp4")
    new_table(tmp_path, tmp_path / "takes", force=True)
    assert rows(tmp_path)["9"]["video"] == "takes/9.mp4"


def test_a_table_is_never_overwritten_and_force_keeps_what_is_written(tmp_path):
    touch(tmp_path / "videos", "a.mp4", "b.mp4")
    new_table(tmp_path)
    table = tmp_path / "clips.tsv"
    lines = ["name\tvideo\tnote\ttext", 'renamed\tvideos/a.mp4\tmine\tIch sage "ja"', "lost\tx.mp4\t\tgone"]
    table.write_text("\n".join(lines), encoding="utf-8")
    before = table.read_bytes()
    with pytest.raises(InputError, match="is there already"):
        new_table(tmp_path)
    assert table.read_bytes() == before
    touch(tmp_path / "videos", "c.mp4", "d.mp4")
    made = new_table(tmp_path, plan=PLAN, force=True)
    found = rows(tmp_path)
    assert list(found) == ["renamed", "lost", "b", "c", "d"] and (made.clips, made.kept) == (5, 2)
    assert (found["renamed"]["text"], found["renamed"]["note"]) == ('Ich sage "ja"', "mine")
    assert {row["split"] for row in found.values()} == set(layout.SPLITS)
    after = table.read_bytes()
    new_table(tmp_path, plan=PLAN, force=True)
    assert table.read_bytes() == after


def test_another_frame_rate_is_written_once(tmp_path):
    touch(tmp_path, "frames/1.png", "a.mp4")  # neither of them tells a rate
    write_poses(tmp_path / "b.safetensors", fps=50.0)
    assert new_table(tmp_path).fps == 50
    assert describe(tmp_path).fps == 50
    (tmp_path / "corpus.json").write_text('{"licence": "mine"}')
    assert new_table(tmp_path, force=True).fps is None and describe(tmp_path).licence == "mine"


def test_splits_are_drawn_of_a_table_alone(tmp_path):
    lines = [f"{name}\tdeep/down/{name}.mp4\tx" for name in "abcd"]
    (tmp_path / "clips.tsv").write_text("\n".join(["name\tvideo\ttext", *lines]))
    assert new_table(tmp_path, plan=PLAN, force=True).splits == {"train": 2, "dev": 1, "test": 1, "": 0}


def test_a_table_with_faults_is_kept(tmp_path):
    touch(tmp_path, "a.mp4")
    for text in ("name\ttext\na\n", "x\ty\n"):
        (tmp_path / "clips.tsv").write_text(text)
        with pytest.raises(InputError, match=r"clips\.tsv"):
            new_table(tmp_path, force=True)
        assert (tmp_path / "clips.tsv").read_text() == text


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ([], "no videos"),
        (["a.mp4", "a.avi"], "has the same name"),
        (["a_1.mp4", "a/1.mp4"], "would have the same name"),
        (["a\tb.mp4"], "rename it"),
        (["a\nb.mp4"], "rename it"),
        ([" a.mp4"], "rename it"),
        (["a\x07.mp4"], "cannot be the name"),
        (["a" * 230 + ".mp4"], "longer than 200 bytes"),
    ],
)
def test_what_cannot_be_a_table_is_one_line(tmp_path, names, reason):
    touch(tmp_path, *names)
    with pytest.raises(InputError, match=reason) as caught:
        new_table(tmp_path)
    assert "\n" not in str(caught.value) and not (tmp_path / "clips.tsv").exists()


def test_folders_outside_and_texts_that_are_none(tmp_path):
    root = tmp_path / "mine"
    touch(tmp_path, "out/a.mp4", "mine/b.mp4")
    for videos in (tmp_path / "out", tmp_path / "nowhere"):
        with pytest.raises(InputError):
            new_table(root, videos)
    with pytest.raises(InputError, match="no such folder"):
        new_table(tmp_path / "nowhere")
    (root / "c.mp4").symlink_to(tmp_path / "out" / "a.mp4")
    with pytest.raises(InputError, match="outside"):
        new_table(root)
    (root / "c.mp4").unlink()
    for data in (b"\xff\xff", b"a\0b", b"x" * 100_000):
        (root / "b.txt").write_bytes(data)
        with pytest.raises(InputError, match=r"b\.txt"):
            new_table(root)


def test_a_name_that_is_not_utf8(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"a\xff.mp4")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    with pytest.raises(InputError, match="not UTF-8"):
        new_table(tmp_path)


@pytest.mark.parametrize("seed", range(30))
def test_every_split_gets_its_share_and_the_draw_is_the_same_again(seed):
    rng = np.random.default_rng(seed)
    count = int(rng.integers(3, 200))
    shares = rng.dirichlet((5, 1, 1)) * 0.97 + 0.01
    plan = SplitPlan(train=float(shares[0]), dev=float(shares[1]), test=float(shares[2]), seed=seed)
    names = [f"clip-{k}" for k in range(count)]
    drawn = draw_splits(dict.fromkeys(names, ""), plan)
    assert drawn == draw_splits(dict.fromkeys(reversed(names), ""), plan) and set(drawn) == set(names)
    counts = Counter(drawn.values())
    for split in layout.SPLITS:
        assert counts[split] >= 1 and abs(counts[split] - plan.shares[split] * count) <= 2
    other = draw_splits(dict.fromkeys(names, ""), plan.model_copy(update={"seed": seed + 1}))
    assert Counter(other.values()) == counts and (count < 50 or other != drawn)


@pytest.mark.parametrize("seed", range(30))
def test_by_signer_no_signer_is_in_two_splits(seed):
    rng = np.random.default_rng(seed)
    signers = {f"clip-{k}": f"s{s}" for k, s in enumerate(rng.integers(0, rng.integers(3, 12), rng.integers(40, 90)))}
    drawn = draw_splits(signers, SplitPlan(by_signer=True, seed=seed))
    where = defaultdict(set)
    for name, signer in signers.items():
        where[signer].add(drawn[name])
    assert all(len(splits) == 1 for splits in where.values()) and set(drawn.values()) == set(layout.SPLITS)
    assert Counter(drawn.values())["train"] == max(Counter(drawn.values()).values())


def test_by_signer_is_refused_where_it_cannot_be():
    plan = SplitPlan(by_signer=True)
    with pytest.raises(InputError, match="2 signers cannot fill 3 splits"):
        draw_splits({"a": "x", "b": "y", "c": "x"}, plan)
    with pytest.raises(InputError, match="nothing tells the signer of clip b"):
        draw_splits({"a": "x", "b": "", "c": "z"}, plan)
    with pytest.raises(InputError, match="2 clips cannot be in 3 splits"):
        draw_splits({"a": "x", "b": "y"}, plan)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_written_is_what_is_read(tmp_path, seed):
    rng = np.random.default_rng(seed)
    signs = list('ab"",.\'|;\\é明 ')
    cells = [{"name": f"n{k}", "split": "dev", "text": "".join(rng.choice(signs, rng.integers(0, 9))).strip()}
             for k in range(6)]  # fmt: skip
    cells = [{**row, "text": " ".join(row["text"].split())} for row in cells]
    write_table(tmp_path / "clips.tsv", ("name", "split", "text"), cells)
    assert [dict(entry.cells) for entry in read_table(tmp_path).entries] == cells


def test_a_sound_set_stays_sound(tmp_path):
    root = sound_set(tmp_path, {"train": 8, "dev": 1, "test": 1})
    before = layout.read_corpus(root)
    new_table(root, force=True)
    assert layout.read_corpus(root) == before
