"""`slt corpus`: the folder of a corpus says what it is made of, and one command works in it at a time."""

from pathlib import Path

import pytest

from skeletor.files.lock import locked
from skeletor.support.errors import InputError
from slt.cli.corpora.corpus import MADE, main
from slt.data import layout

CONFIG = "{train: 1, dev: 1, test: 1, calibration: 2, studio: 2, studio_motion: 0, negatives: 0"


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """Seeds of the corpora that were asked for; nothing is rendered."""
    seeds: list[int] = []

    def render(config, root, workers):
        seeds.append(config.seed)
        return layout.Corpus(root, layout.Description("rendered"), ())

    monkeypatch.setattr("slt.synthetic.build.render_corpus", render)
    monkeypatch.setattr(
        "slt.synthetic.videos.render_videos", lambda config, root, workers: seeds.append(config.seed) or 3
    )
    for seed in (1, 2):
        (tmp_path / f"{seed}.yaml").write_text(f"{CONFIG}, seed: {seed}}}")
    return seeds


def render(folder: Path, seed: int, *options: str) -> int:
    return main("corpus", ["render", str(folder / f"{seed}.yaml"), "-o", str(folder / "out"), *options], "")


@pytest.mark.parametrize("options", [(), ("--videos-only",)])
def test_clips_of_two_configs_are_not_mixed(rendered, tmp_path, options):
    assert render(tmp_path, 1, *options) == 0
    assert render(tmp_path, 1, *options) == 0  # goes on where it was
    with pytest.raises(InputError, match="a corpus of another config"):
        render(tmp_path, 2, *options)
    assert rendered == [1, 1] and '"seed": 1' in (tmp_path / "out" / MADE).read_text()


@pytest.mark.parametrize(("part", "options"), [("features", ()), ("truth", ()), ("videos", ("--videos-only",))])
def test_a_corpus_that_does_not_say_what_it_is_of_is_not_taken_as_its_own(rendered, tmp_path, part, options):
    (tmp_path / "out" / part).mkdir(parents=True)
    with pytest.raises(InputError, match=f"holds {part}, and no {MADE}"):
        render(tmp_path, 1, *options)
    assert not rendered and not (tmp_path / "out" / MADE).exists()


def test_one_command_at_a_time(rendered, tmp_path):
    with locked(tmp_path / "out"), pytest.raises(InputError, match="another run"):
        render(tmp_path, 1)
    assert not rendered


@pytest.mark.parametrize("workers", ["0", "-1", "x", "9999"])
def test_processes_are_a_number(rendered, tmp_path, workers):
    with pytest.raises(SystemExit) as caught:
        render(tmp_path, 1, "--workers", workers)
    assert caught.value.code == 2 and not rendered
