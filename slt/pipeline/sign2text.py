"""The row Sign2Text: pixels of training clips, frames decoded once, the baseline trained and decoded.

Only training clips with pixels can be used; what a corpus of our own lacks of them is rendered (`slt.pipeline.pixels`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from skeletor.atomic import write_text
from skeletor.progress import log
from slt.corpus import layout
from slt.pipeline.context import Run
from slt.pipeline.pixels import RENDER_CODE, with_pixels
from slt.pipeline.stage import Done, keyed_folder, stage_key
from slt.pipeline.training import System, outputs_of
from slt.sign2text.config import Sign2TextConfig

SIGN2TEXT = "sign2text"
LABEL = "Sign2Text, from pixels"
_CODE = ("slt/sign2text", "slt/translate", "slt/video")


def sign2text_stage(run: Run, seed: int) -> Done:
    """Train and decode the row of a run whose config has a section `sign2text`: writes `dev.json` and `test.json`."""
    config = run.config.sign2text
    assert config is not None, "no section sign2text"
    folder = run.folder / SIGN2TEXT
    name = SIGN2TEXT if seed == run.config.seed else f"{SIGN2TEXT}-s{seed}"

    def work(out: Path) -> None:
        """Render what is missing, decode frames, train, translate, write."""
        sources = with_pixels(run, config.clips, folder / "videos")
        key = stage_key({}, (run.corpus_key,), ("slt/video",))
        train_and_decode(run.corpus.clips, sources, config, folder / "frames", out, seed, run.config.workers, key=key)

    values = {SIGN2TEXT: config.model_dump(exclude={"seeds"}), "seed": seed}
    return run.stage(name, run.folder / "systems" / name, work, values, (run.corpus_key,), (*_CODE, *RENDER_CODE))


def sign2text_systems(run: Run) -> tuple[System, ...]:
    """The row's trained systems, one for each seed of the run."""
    assert run.config.sign2text is not None, "no section sign2text"
    seeds = range(run.config.seed, run.config.seed + (run.config.sign2text.seeds or run.config.seeds))
    stages = [(seed, sign2text_stage(run, seed)) for seed in seeds]
    return tuple(System(done, seed, outputs_of(done.folder)) for seed, done in stages)


def note(run: Run, done: Done) -> str:
    """The footnote of the row: on how many clips it was trained."""
    assert run.config.sign2text is not None
    names = json.loads((done.folder / "train.json").read_text(encoding="utf-8"))
    return (
        f"{LABEL}: preset {run.config.sign2text.preset}, trained on the {len(names)} of "
        f"{len(run.corpus.split('train'))} training clips that have pixels"
    )


def train_and_decode(
    clips: Sequence[layout.Clip], sources: Mapping[str, Mapping[str, Path]], config: Sign2TextConfig, frames: Path,
    out: Path, seed: int, workers: int, device: str = "auto", key: str = "",
) -> dict[str, dict[str, str]]:  # fmt: skip
    """Decode frames into `frames`, train in `out/model`, translate dev and test (clip name -> text).

    sources: split -> clip -> video or folder of pictures. key: what the pictures are known by; under another one
    `frames` is emptied. Writes `out/{dev,test}.json`, and `out/train.json` with the names of the training clips.
    """
    from slt.sign2text.frames import FrameStore, decode_frames, frame_file
    from slt.sign2text.train import Clips, train_sign2text
    from slt.sign2text.translator import Sign2Text

    cache = keyed_folder(frames, f"{config.height} x {config.width} {key}")
    texts = {clip.name: clip.text for clip in clips}
    found = {
        split: decode_frames(sources[split], cache / split, config.height, config.width, workers)
        for split in layout.SPLITS
    }
    files = {split: [frame_file(cache / split, name) for name in names] for split, names in found.items()}
    train, dev = (Clips(files[s], found[s], [texts[n] for n in found[s]]) for s in ("train", "dev"))
    log.info("sign2text: trains on %d clips", len(found["train"]))
    train_sign2text(train, dev, config, out / "model", seed, device, threads=min(workers, 2))
    model = Sign2Text.load(out / "model", device)
    outputs = {}
    for split in ("dev", "test"):
        hypotheses = model.translate(FrameStore(files[split]))
        outputs[split] = {n: h.text for n, h in zip(found[split], hypotheses, strict=True)}
        write_text(out / f"{split}.json", json.dumps(outputs[split], indent=0, ensure_ascii=False))
    write_text(out / "train.json", json.dumps(found["train"], indent=0))
    return outputs
