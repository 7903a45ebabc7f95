"""Work of a stage: frames decoded once, the baseline Sign2Text trained and decoded."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from skeletor.files.atomic import write_text
from skeletor.files.keyed import keyed_folder
from skeletor.support.progress import log
from slt.data import layout
from slt.pipeline.work.readers.render_pixels import PixelPlan, with_pixels
from slt.sign2text.config import Sign2TextConfig


def make_row(
    pixels: PixelPlan, config: Sign2TextConfig, frames: Path, seed: int, workers: int, key: str, out: Path
) -> None:
    """Render missing videos, decode frames, train, translate, write. Arguments as in `train_and_decode`."""
    train_and_decode(pixels.corpus.clips, with_pixels(pixels), config, frames, out, seed, workers, key=key)


def train_and_decode(
    clips: Sequence[layout.Clip], sources: Mapping[str, Mapping[str, Path]], config: Sign2TextConfig, frames: Path,
    out: Path, seed: int, workers: int, device: str = "auto", key: str = "",
) -> dict[str, dict[str, str]]:  # fmt: skip
    """Decode frames into `frames`, train in `out/model`, translate dev and test (split -> clip name -> text).

    sources: split -> clip -> video or folder of pictures. key: identifies the pictures; under another one
    `frames` is emptied. Writes `out/{dev,test}.json`, and `out/train.json` with the names of the training clips. Raises
    InputError as `train_sign2text` does.
    """
    from slt.sign2text.decoded import FrameStore, decode_frames, frame_file
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
