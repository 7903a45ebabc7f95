"""Push and pull against a Hub on this machine: what goes there comes back, and what does not belong is refused."""

from __future__ import annotations

import json
import pickle
import sys
from pathlib import Path

import pytest

from skeletor.support.errors import InputError, MissingDependency
from slt.cli.model import main
from slt.sharing import check
from slt.sharing.hub import pull_model, push_model
from tests.slt.sharing.hub_stand_in import Files, Hub

REPO = "somebody/forecast"


def content(folder: Path) -> Files:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "pulled.json"}


def stored(hub: Hub, exported: Path, **changed: bytes) -> str:
    """The model in the repository as somebody else may have put it there, some files of it exchanged."""
    names = {name.replace("__", "."): data for name, data in changed.items()}
    return hub.commit(REPO, content(exported) | names)


def pull(hub: Hub, out: Path, revision: str = "main") -> str:
    """The line with which a pull is refused; nothing is left of it."""
    with pytest.raises(InputError) as caught:
        pull_model(REPO, out, revision, hub.address)
    assert not list(out.parent.glob("*pulled*")) and "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_pushed_is_what_is_pulled(hub, exported, tmp_path, capsys):
    assert main("model", ["push", str(exported), REPO, "--endpoint", hub.address], "") == 0
    assert hub.private[REPO] and set(content(exported)) < set(hub.files(REPO))
    told = capsys.readouterr().out
    revision = hub.commit_of(REPO, "main")
    assert f"commit {revision}" in told
    assert main("model", ["pull", REPO, "-o", str(tmp_path / "got"), "--endpoint", hub.address], "") == 0
    assert content(tmp_path / "got") == content(exported)
    assert json.loads((tmp_path / "got/pulled.json").read_text()) == {"repo": REPO, "revision": revision}
    assert f"commit {revision}" in capsys.readouterr().out
    assert check.check_model(tmp_path / "got").faults == ()
    push_model(tmp_path / "got", "somebody/else", hub.address, public=True)  # a pulled model may go elsewhere
    assert not hub.private["somebody/else"] and "pulled.json" not in hub.files("somebody/else")


def test_a_commit_stays_what_it_was(hub, exported, model, tmp_path):
    first = push_model(exported, REPO, hub.address)
    readme = model / "README.md"
    readme.write_text(readme.read_text() + "\nAnother word.\n")
    second = push_model(model, REPO, hub.address)
    assert first.revision != second.revision
    pull_model(REPO, tmp_path / "old", first.revision, hub.address)
    place, _ = pull_model(REPO, tmp_path / "new", "main", hub.address)
    assert place == second
    assert content(tmp_path / "old") == content(exported) and content(tmp_path / "new") == content(model)


def test_all_files_are_of_one_commit_even_if_another_is_made_meanwhile(hub, exported, tmp_path):
    first = stored(hub, exported)
    hub.after_look_up = lambda: stored(hub, exported, vocabulary__txt=b"others") and None
    place, _ = pull_model(REPO, tmp_path / "got", "main", hub.address)
    assert place.revision == first and content(tmp_path / "got") == content(exported)
    read = [line for line in hub.log if "/resolve/" in line]
    assert len(read) >= len(content(exported)) and all(f"/resolve/{first}/" in line for line in read)


def test_another_commit_than_the_one_asked_for_is_refused(hub, exported, tmp_path):
    first, second = stored(hub, exported), stored(hub, exported, vocabulary__txt=b"others")
    hub.lies[first] = second
    assert "when asked for" in pull(hub, tmp_path / "pulled", first)


@pytest.mark.parametrize("name", ["evil.pkl", "../model.yaml", "sub/model.yaml", "/etc/passwd", "pytorch_model.bin"])
def test_what_no_model_has_is_refused_before_anything_is_fetched(hub, exported, tmp_path, name):
    hub.commit(REPO, content(exported) | {name: pickle.dumps({"a": 1})})
    assert name in pull(hub, tmp_path / "pulled")
    assert not [line for line in hub.log if "/resolve/" in line]


def test_a_pickle_by_another_name_is_refused_and_never_opened(hub, exported, tmp_path, monkeypatch):
    monkeypatch.setattr(check, "_load_faults", lambda folder: pytest.fail("something was loaded"))
    stored(hub, exported, refiner__safetensors=pickle.dumps(print, 2))
    assert "refiner.safetensors: is a pickle" in pull(hub, tmp_path / "pulled")
    stored(hub, exported, translator__safetensors=content(exported)["translator.safetensors"][:-1] + b"x")
    assert "translator.safetensors: is not the file" in pull(hub, tmp_path / "pulled")
    stored(hub, exported, README__md=b"# No header\n")
    assert "no YAML header" in pull(hub, tmp_path / "pulled")


def test_a_folder_with_other_files_is_left_alone(hub, exported, tmp_path):
    stored(hub, exported)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    with pytest.raises(InputError, match=r"letter\.txt, which is no file of a model"):
        pull_model(REPO, tmp_path / "mine", "main", hub.address)
    assert hub.log == []
    pull_model(REPO, tmp_path / "got", "main", hub.address)
    pull_model(REPO, tmp_path / "got", "main", hub.address)  # an older model is replaced


def test_an_unsound_folder_is_not_sent_and_a_foreign_repository_not_touched(hub, model):
    before = (model / "vocabulary.txt").read_bytes()
    (model / "vocabulary.txt").write_bytes(b"others")
    with pytest.raises(InputError, match=r"vocabulary\.txt: is not the file"):
        push_model(model, REPO, hub.address)
    assert hub.log == []
    (model / "vocabulary.txt").write_bytes(before)
    hub.commit("somebody/thesis", {"thesis.tex": b"years"})
    with pytest.raises(InputError, match=r"thesis\.tex"):
        push_model(model, "somebody/thesis", hub.address)
    assert hub.files("somebody/thesis") == {"thesis.tex": b"years"}


def test_a_file_that_the_new_model_lacks_goes(hub, exported):
    hub.commit(REPO, content(exported) | {"refine2d.safetensors": b"of an older model"})
    push_model(exported, REPO, hub.address)
    assert "refine2d.safetensors" not in hub.files(REPO) and hub.files(REPO) == content(exported)


def test_what_the_hub_refuses_is_one_line(hub, exported, tmp_path, monkeypatch):
    assert "404" in pull(hub, tmp_path / "pulled")
    stored(hub, exported)
    assert "404" in pull(hub, tmp_path / "pulled", "v9")
    with pytest.raises(InputError, match=r"^no/such/name: no name of a repository, as OWNER/NAME"):
        pull_model("no/such/name", tmp_path / "pulled", "main", hub.address)
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    for repo in (REPO, "somebody/new"):
        with pytest.raises(InputError, match=r"401 .*log in first"):
            push_model(exported, repo, hub.address)


def test_a_hub_that_is_not_there_is_one_line(exported, tmp_path):
    pytest.importorskip("huggingface_hub")
    with pytest.raises(InputError, match="cannot be reached"):
        pull_model(REPO, tmp_path / "pulled", "main", "http://127.0.0.1:9")


def test_without_the_extra_it_says_what_to_install(exported, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingDependency, match="pip install huggingface-hub"):
        pull_model(REPO, tmp_path / "pulled")
    with pytest.raises(MissingDependency):
        push_model(exported, REPO)
