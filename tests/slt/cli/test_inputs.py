import os
from pathlib import Path

import numpy as np
import pytest

from skeletor.io.native import write_shard
from skeletor.poses.pose import PoseSequence
from skeletor.poses.skeleton import SIGNING_50
from skeletor.support.errors import InputError, NothingToTranslate
from slt.cli.inputs import Input, by_clip, each, find_inputs, output_names, result_path
from slt.estimators.given import PoseFiles


def names(texts, folder, suffixes=(".safetensors",)):
    return [result_path(base, suffixes[0]) for base in output_names(find_inputs(texts), folder, suffixes).values()]


def test_names_keep_their_dots_and_folders_their_own(tmp_path, monkeypatch):
    for folder in ("P01.S02.T01", "P01.S02.T02"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path)
    given = names(["P01.S02.T01", "P01.S02.T02/", "a.b.mp4"], Path("out"))
    assert given == [Path(f"out/{n}.safetensors") for n in ("P01.S02.T01", "P01.S02.T02", "a.b")]
    monkeypatch.chdir(tmp_path / "P01.S02.T01")
    assert names(["."], Path("../out")) == [Path("../out/P01.S02.T01.safetensors")]
    assert names([".."], Path("out")) == [Path(f"out/{tmp_path.name}.safetensors")]
    with pytest.raises(InputError, match="has no name"):
        names(["/"], Path("out"))


@pytest.mark.parametrize(
    "pair", [("x/a.mp4", "y/a.mp4"), ("a.mp4", "a.mov"), ("a.mp4", "a.safetensors"), ("a", "a.mp4")]
)
def test_two_results_of_one_name_are_told_with_both_inputs(tmp_path, pair):
    with pytest.raises(InputError) as caught:
        names(["b.mp4", *pair], tmp_path)
    assert all(name in str(caught.value) for name in pair) and str(tmp_path / "a.safetensors") in str(caught.value)


def test_case_makes_two_names_unless_the_folder_ignores_it(tmp_path, monkeypatch):
    assert len(names(["a.mp4", "A.mp4"], tmp_path)) == 2
    monkeypatch.setattr("slt.cli.inputs._ignores_case", lambda folder: True)
    with pytest.raises(InputError, match=r"A\.mp4 and a\.mp4"):
        names(["a.mp4", "A.mp4"], tmp_path)


def test_an_input_that_is_named_twice_counts_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = find_inputs(["a.mp4", "./a.mp4", str(tmp_path / "a.mp4"), "b.mp4", "x/../b.mp4"])
    assert [one.shown for one in found] == [Path("a.mp4"), Path("b.mp4")]


def test_no_result_is_written_over_an_input(tmp_path):
    source = tmp_path / "a.safetensors"
    source.touch()
    (tmp_path / "out").mkdir()
    os.link(source, tmp_path / "out" / "b.safetensors")
    for texts in ([source], [tmp_path / "x.mp4", source]):
        with pytest.raises(InputError, match="written over it"):
            names(list(map(str, texts)), tmp_path)
    with pytest.raises(InputError, match="written over it"):  # one's result is another's file, by a hard link
        names([str(source), str(tmp_path / "b.mp4")], tmp_path / "out")
    (tmp_path / "t.json").touch()
    with pytest.raises(InputError, match=r"t\.json would be written over it"):
        names([str(tmp_path / "t.json")], tmp_path, (".txt", ".json"))
    with pytest.raises(InputError, match="written over it"):  # the folder "new" is made before the result
        names([str(source)], tmp_path / "new" / "..")


def test_a_file_for_a_folder_is_told_at_once(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(InputError, match="out: is a file; give a folder"):
        names(["a.mp4"], tmp_path / "out")


def test_addresses_pipes_and_empty_names_are_their_own_fault_alone(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "good.mp4").touch()
    texts = ["https://example.org/a.mp4", str(tmp_path / "pipe.mp4"), "", str(tmp_path / "good.mp4")]
    inputs = find_inputs(texts)
    assert list(output_names(inputs, tmp_path, [".x"])) == [tmp_path / "pipe.mp4", tmp_path / "good.mp4"]
    done = []
    assert each(inputs, lambda one: done.append(one.file.name), "test") == 2
    assert done == ["good.mp4"]
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "https://example.org/a.mp4: an address is not read; save what is there, and give the file",
        f"{tmp_path / 'pipe.mp4'}: a pipe is not read; give a file",
        "'': an input has an empty name; give a file or folder",
        "3 of 4 files failed",
    ]


def test_what_was_not_translated_is_not_called_failed(capsys):
    outcomes = {"a": NothingToTranslate("nobody signs"), "b": InputError("broken"), "c": NothingToTranslate("too long")}

    def work(one: Input) -> None:
        if one.name in outcomes:
            raise outcomes[one.name]

    assert each(find_inputs(list("abcd")), work, "test") == 2
    assert capsys.readouterr().err.splitlines()[-1] == "1 of 4 files failed, 2 of 4 not translated"
    del outcomes["b"]
    assert each(find_inputs(list("ac")), work, "test") == 3
    assert capsys.readouterr().err.splitlines()[-1] == "2 of 2 not translated"


def test_each_clip_of_a_file_is_an_input(tmp_path):
    pose = PoseSequence(np.zeros((3, 50, 2)), np.ones((3, 50)), 25, SIGNING_50)
    write_shard({"dev/one": pose, "../two": pose}, tmp_path / "s.safetensors")
    write_shard({"inner": pose}, tmp_path / "single.safetensors")
    (tmp_path / "bad.skels").write_text("no poses")
    files = PoseFiles()
    inputs = find_inputs([str(tmp_path / n) for n in ("s.safetensors", "single.safetensors", "bad.skels", "v.mp4")])
    found = by_clip(inputs, files, None)
    assert [(one.shown.relative_to(tmp_path).as_posix(), one.clip) for one in found] == [
        ("s.safetensors#../two", "../two"), ("s.safetensors#dev/one", "dev/one"), ("single.safetensors", None),
        ("bad.skels", None), ("v.mp4", None),
    ]  # fmt: skip
    targets = [
        p.relative_to(tmp_path / "out").as_posix() for p in output_names(found, tmp_path / "out", [".txt"]).values()
    ]
    assert targets == ["s#.._two", "s#dev_one", "single", "bad", "v"]  # no clip's name leads out of the folder
    chosen = by_clip(inputs, files, "dev/one")
    assert [(one.clip, one.name) for one in chosen[:2]] == [("dev/one", "s"), ("dev/one", "single")]
    assert len(files.read(inputs[0].file, "dev/one")) == 3
    with pytest.raises(InputError, match=r"none is called 'dev/one': inner"):
        files.read(inputs[1].file, "dev/one")
    with pytest.raises(InputError, match=r"choose one with --clip NAME"):
        files.read(inputs[0].file)


def test_two_inputs_that_are_shown_alike_are_both_treated(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.mp4").touch()
    done = []
    assert each(find_inputs(["x.mp4", "http://x.mp4"]), lambda one: done.append(one.file), "test") == 2
    assert done == [Path("x.mp4")]


def test_a_clip_is_found_however_its_letters_are_composed(tmp_path):
    pose = PoseSequence(np.zeros((2, 50, 2)), np.ones((2, 50)), 25, SIGNING_50)
    write_shard({"fru\u0308h": pose, "b": pose}, tmp_path / "s.safetensors")
    assert len(PoseFiles().read(tmp_path / "s.safetensors", "fr\u00fch")) == 2
