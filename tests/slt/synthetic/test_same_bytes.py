"""The corpus depends on its seed alone: every process renders the same bytes."""

import subprocess
import sys
from pathlib import Path

from slt.synthetic.build import CorpusConfig, make_clip, plan_corpus

RENDER = """
import sys
from pathlib import Path
from tests.slt.synthetic.test_same_bytes import render
render(Path(sys.argv[1]))
"""


def render(folder: Path) -> None:
    """A clip of the real pictures."""
    config = CorpusConfig(train=8, dev=1, test=1, calibration=2, studio=2, studio_motion=2, negatives=0, seed=3)
    make_clip(next(plan for plan in plan_corpus(config) if plan.part == "dev"), config, folder)


def test_a_clip_has_the_same_bytes_in_every_process(tmp_path):
    """In two that begin with it, and in this one, which may have rendered others before."""
    folders = [tmp_path / str(k) for k in range(3)]
    for folder in folders[:2]:
        subprocess.run([sys.executable, "-c", RENDER, str(folder)], check=True)
    render(folders[2])
    files = [next(folder.rglob("*.mp4")) for folder in folders]
    assert len({file.read_bytes() for file in files}) == 1  # with x264's macroblock tree nearly each had its own
