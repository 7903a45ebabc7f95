"""`slt data check` and `slt data new`: their text, JSON, exit codes."""

import json
import shutil

import pytest

from skeletor.support.errors import InputError
from slt.cli import main as slt_main
from slt.cli.corpora import data
from slt.data.layout import read_corpus
from tests.slt.data.own_sets import write_poses


def run(capsys, *args) -> tuple[int, str]:
    code = data.main("data", ["check", *map(str, args)], "")
    return code, capsys.readouterr().out


def test_a_sound_release(release, capsys) -> None:
    code, text = run(capsys, release(), "--frames", "all", "--workers", 2)
    assert code == 0 and text.rstrip().endswith("sound: nothing is missing or unreadable")
    assert "every frame decoded" in text and "train-complex-annotation: 2 clips" in text


def test_annotation_alone_says_that_pictures_are_absent(release, capsys) -> None:
    code, text = run(capsys, release() / "PHOENIX-2014-T" / "annotations" / "manual")
    assert code == 0 and "pictures: absent" in text


def test_a_long_list_is_shortened_but_not_in_json(release, capsys) -> None:
    top = release()
    clip = read_corpus(top).clips[0]
    for k in range(25):
        shutil.copy(clip.source / "images0001.png", clip.source / f"images{k + 10:04d}.png")
        (clip.source / f"images{k + 10:04d}.png").write_bytes(b"x")
    code, text = run(capsys, top, "--frames", "all")
    assert code == 2 and "frames or videos that cannot be read: 25" in text and "and 5 more" in text
    assert text.count("cannot be decoded") == 20
    code, text = run(capsys, top, "--frames", "all", "--json")
    found = json.loads(text)
    assert code == 2 and found["sound"] is False and len(found["problems"]["unreadable"]) == 25
    assert found["published"]["dev"]["clips"] == 519 and found["splits"]["train"]["clips"] == 2


def test_bad_arguments(tmp_path) -> None:
    for args in ([str(tmp_path / "no")], [str(tmp_path)], [str(tmp_path), "--workers", "0"]):
        with pytest.raises(InputError):
            data.main("data", ["check", *args], "")


def new(capsys, *args) -> str:
    assert data.main("data", ["new", *map(str, args)], "") == 0
    return capsys.readouterr().out


def test_a_table_is_begun_filled_checked(tmp_path, capsys) -> None:
    for k in range(10):
        write_poses(tmp_path / "videos" / f"s{k % 4}" / f"{k}.safetensors", seed=k)
    text = new(capsys, tmp_path)
    assert "10 clips, 10 of them new; train 0, dev 0, test 0" in text and "column text of 10 clips" in text
    assert "slt data new" in text and "--force --split" in text and "slt run configs/own_data.yaml --corpus" in text
    with pytest.raises(InputError, match="is there already"):
        data.main("data", ["new", str(tmp_path)], "")
    code, text = run(capsys, tmp_path)
    assert code == 2 and "clips without a sentence: 10" in text and "clips.tsv: line 2: clip s0_0 has no text" in text
    table = tmp_path / "clips.tsv"
    head, *lines = table.read_text(encoding="utf-8").splitlines()
    table.write_text("\n".join([head, *(line + "Hello, World!" for line in lines)]), encoding="utf-8")
    text = new(capsys, tmp_path, "--force", "--split", "0.6,0.2,0.2", "--by-signer", "--seed", "3")
    assert "0 of them new" in text and "column" not in text
    code, text = run(capsys, tmp_path)
    assert code == 0 and "sound: nothing is missing" in text and f"annotation: in {table}" in text
    first = table.read_bytes()
    new(capsys, tmp_path, "--force", "--split", "0.6,0.2,0.2", "--by-signer", "--seed", "3")
    assert table.read_bytes() == first
    assert json.loads(run(capsys, tmp_path, "--json")[1])["sound"] is True


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["--split", "0.8,0.2"], "three numbers"),
        (["--split", "a,b,c"], "three numbers"),
        (["--split", "0.8,0.1,0.2"], "add up to 1.1"),
        (["--split", "1,0,0"], "train"),
        (["--split", "nan,0.1,0.1"], "train"),
        (["--split", "0.8,0.1,0.1", "--seed", "-1"], "seed"),
        (["--split", "0.8,0.1,0.1", "--by-signer"], "nothing tells the signer"),
        (["--by-signer"], "give --split"),
        (["--videos", "/"], "outside"),
        (["--videos", "nowhere"], "no such folder"),
    ],
)
def test_bad_arguments_of_a_new_table(tmp_path, args, reason) -> None:
    for name in "abc":
        (tmp_path / f"{name}.mp4").touch()
    with pytest.raises(InputError, match=reason) as caught:
        data.main("data", ["new", str(tmp_path), *args], "")
    assert "\n" not in str(caught.value) and not (tmp_path / "clips.tsv").exists()


def test_what_is_to_be_typed_next_can_be_pasted(tmp_path, capsys) -> None:
    root = tmp_path / "my signs"
    write_poses(root / "clips" / "a.safetensors")
    data.main("data", ["new", str(root), "--videos", "clips"], "")  # as seen from the data set
    told = capsys.readouterr().out
    assert f"  slt data check '{root}'\n" in told
    assert told.endswith(f"  slt run configs/own_data.yaml --corpus '{root}' --estimator poses\n")
    (root / "clips" / "b.mp4").touch()
    data.main("data", ["new", str(root), "--videos", "clips", "--force"], "")
    assert "--estimator" not in capsys.readouterr().out
    write_poses(root / "clips" / "c.safetensors")  # most are poses now
    data.main("data", ["new", str(root), "--videos", "clips", "--force"], "")
    assert "--estimator poses" in capsys.readouterr().out


@pytest.mark.parametrize("table", [b"name\ttext\na\xff\tb\n", b"x\ty\n", b"name\ttext\na\0\tb\n", b""])
def test_a_table_that_cannot_be_read_ends_with_code_2_and_one_line(tmp_path, table, capsys) -> None:
    (tmp_path / "clips.tsv").write_bytes(table)
    with pytest.raises(SystemExit) as ended:
        slt_main(["data", "check", str(tmp_path)])
    told = capsys.readouterr().err
    assert ended.value.code == 2 and told.count("\n") == 1 and "clips.tsv" in told
