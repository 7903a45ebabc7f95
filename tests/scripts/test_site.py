"""The pages: each in the navigation, the tutorial works, the rooms of the architecture are those of the tree."""

import csv
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from slt.data.check import check
from slt.data.layout import read_corpus
from slt.pipeline.config import RunConfig
from slt.video import write_video

ROOT = Path(__file__).parents[2]
ROOM = re.compile(r"^\| `((?:skeletor|slt)/\w+)` \|.*\| ([^|]+) \|$", re.M)


def _named(entries: list) -> set[str]:
    """The pages of a part of mkdocs' navigation."""
    found = set()
    for entry in entries:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        found |= {value} if isinstance(value, str) else _named(value)
    return found


def test_every_page_is_in_the_navigation_and_no_other():
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}
    assert _named(site["nav"]) == pages | {"index.md", "CONTRIBUTING.md", "CHANGELOG.md"}


def test_the_site_builds_without_a_broken_link(tmp_path):
    pytest.importorskip("mkdocstrings", reason="`make docs` installs what builds the site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=900, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    api = (tmp_path / "site" / "python.html").read_text(encoding="utf-8")
    for name in ("slt.load", "slt.translate_video", "slt.Chain.translate", "skeletor.refine", "slt.score.scores.score"):
        assert f'id="{name}"' in api, name
    assert "raw_and_refined.png" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_a_broken_link_is_not_rewritten_away():
    pytest.importorskip("mkdocs", reason="`make docs` installs what builds the site")
    from scripts.site_hooks import on_page_markdown

    class Named:
        def __init__(self, src_uri):
            self.src_uri = src_uri
            self.file = self

    known = [Named(name) for name in ("index.md", "faq.md", "experiments/results/table1.md")]

    def rewritten(page, text):
        return on_page_markdown(text, Named(page), None, known)

    assert rewritten("faq.md", "[a](../experiments/results/table1.md#x)") == "[a](experiments/results/table1.md#x)"
    assert rewritten("index.md", "[a](docs/faq.md)") == "[a](faq.md)"
    assert rewritten("experiments/results/table1.md", "[a](../../README.md)") == "[a](../../index.md)"
    assert rewritten("faq.md", "[a](../LICENSE) [b](gone.md) [c](https://x.org/y.md)") == (
        "a [b](gone.md) [c](https://x.org/y.md)"
    )


def test_the_rooms_are_those_of_the_tree():
    rooms = dict(ROOM.findall((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")))
    there = {f"{package}/{path.parent.name}" for package in ("skeletor", "slt")
             for path in (ROOT / package).glob("*/__init__.py")}  # fmt: skip
    assert set(rooms) == there
    for room, doors in rooms.items():
        for door in re.findall(r"`([\w.]+)`", doors):
            module, _, name = f"{room.replace('/', '.')}.{door}".rpartition(".")
            assert hasattr(importlib.import_module(module), name), f"{room}: {door}"


def test_the_tutorial_brings_videos_and_sentences_into_the_layout(tmp_path, monkeypatch):
    """Its script, on ten small videos; what comes out is sound, and its config and commands exist."""
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", text, re.S)
    (tmp_path / "videos").mkdir()
    with open(tmp_path / "sentences.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["video", "sentence", "signer"])
        for k in range(10):
            frames = [np.full((48, 64, 3), 20 * k + t, np.uint8) for t in range(5)]
            write_video(tmp_path / "videos" / f"{k}.mp4", frames, 25)
            writer.writerow([f"{k}.mp4", f"Am Abend klärt es auf, {k}.", "anna"])
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "tutorial.md", "exec"), {})
    found = check("mydata", "all", 1)
    assert found.sound, found.problems
    corpus = read_corpus("mydata")
    assert [len(corpus.split(split)) for split in ("train", "dev", "test")] == [8, 1, 1]
    assert corpus.description.kind == "own" and corpus.description.y_scale == 1
    assert all(clip.text.startswith("am abend klärt es auf, ") and clip.text.endswith(" .") for clip in corpus.clips)
    for config in re.findall(r"configs/\w+\.yaml", text):
        RunConfig.model_validate(yaml.safe_load((ROOT / config).read_text(encoding="utf-8")))
