"""The pages: each in the navigation, the tutorial works, the rooms of the architecture are those of the tree."""

import importlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from slt.cli import serve, translate
from slt.cli.corpora import corpus, data, run
from slt.data.layout import read_corpus
from slt.pipeline.config import RunConfig, load_corpus_config
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


def test_the_tutorial_leads_from_videos_to_a_run(tmp_path, capsys):
    """Its table, made and checked as it says, for clips of its layout; its other commands and configs exist."""
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    blocks = "\n".join(re.findall(r"```\n(.*?)```", text, re.S))
    commands = [shlex.split(line, comments=True)[1:] for line in blocks.splitlines() if line.startswith("slt ")]
    root = tmp_path / "mydata"
    for k in range(10):
        video = root / "videos" / ("anna", "ben")[k % 2] / f"{k}.mp4"
        write_video(video, [np.full((48, 64, 3), 20 * k + t, np.uint8) for t in range(5)], 25)
        video.with_suffix(".txt").write_text(f"Am Abend klärt es auf, {k}.\n", encoding="utf-8")
    known = {"corpus": corpus, "run": run, "translate": translate, "serve": serve}
    done = []
    for name, *argv in commands:
        given = [argument.replace("mydata", str(root)) for argument in argv]
        done.append(name)
        if name == "data":
            assert data.main("data", given, "") == 0, capsys.readouterr().out
        else:
            known[name].make_parser(name).parse_args(given)
    assert done == ["corpus", "data", "data", "run", "translate", "serve"]
    made = read_corpus(root)
    assert [len(made.split(split)) for split in ("train", "dev", "test")] == [8, 1, 1]
    assert all(
        clip.text.startswith("Am Abend klärt es auf, ") and clip.speaker in ("anna", "ben") for clip in made.clips
    )
    for config in re.findall(r"configs/\w+\.yaml", text):
        RunConfig.model_validate(yaml.safe_load((ROOT / config).read_text(encoding="utf-8")))
    clips = load_corpus_config(ROOT / "configs" / "tutorial.yaml")
    assert clips.train + clips.dev + clips.test == 200, "as the page says"
