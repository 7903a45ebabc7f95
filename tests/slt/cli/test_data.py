"""`slt data check`: its text, its JSON, its exit codes."""

import json
import shutil

import pytest

from skeletor.support.errors import InputError
from slt.cli import data
from slt.data.layout import read_corpus


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
    assert text.count("not a PNG file") == 20
    code, text = run(capsys, top, "--frames", "all", "--json")
    found = json.loads(text)
    assert code == 2 and found["sound"] is False and len(found["problems"]["unreadable"]) == 25
    assert found["published"]["dev"]["clips"] == 519 and found["splits"]["train"]["clips"] == 2


def test_bad_arguments(tmp_path) -> None:
    for args in ([str(tmp_path / "no")], [str(tmp_path)], [str(tmp_path), "--workers", "0"]):
        with pytest.raises(InputError):
            data.main("data", ["check", *args], "")
