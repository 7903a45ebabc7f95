"""One version everywhere; the targets of the Makefile are told."""

import re
import subprocess
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml

import skeletor.cli
import slt.cli
from skeletor.support.version import DISTRIBUTION

ROOT = Path(__file__).parents[2]


def test_pyproject_changes_and_citation_name_one_version():
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    versions = re.findall(r"^## (\d+\.\d+\.\d+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (project["name"], project["version"]) == (DISTRIBUTION, versions[0])
    assert citation["version"] == project["version"]
    assert versions == sorted(versions, key=lambda v: [int(part) for part in v.split(".")], reverse=True)


def test_both_programs_tell_the_installed_version(capsys):
    version = metadata.version(DISTRIBUTION)
    with pytest.raises(SystemExit, match="0"):
        slt.cli.main(["--version"])
    assert capsys.readouterr().out == f"slt {version}\n"
    assert skeletor.cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"skeletor {version}\n"


def test_make_help_tells_each_target_once():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    (phony,) = re.findall(r"^\.PHONY: (.*)$", text, re.M)
    done = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    told = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert [name for name, _ in told] == list(dict.fromkeys(name for name, _ in told))
    assert {name for name, _ in told} == set(phony.split())
