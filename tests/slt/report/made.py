"""The folder of a finished run with little in it, as `slt run` leaves it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from skeletor.io.store import write_store
from tests.slt.viewer.scenes import poses, video

EVIL = "</script><script>alert(1)</script><!-- \"&'<b>"


def scores(value: float, **more: Any) -> dict[str, Any]:
    ends = {m: [value - 3, value + 4] for m in ("bleu4", "rouge")}
    return {"bleu4": value, "bleu1": value, "rouge": value, "chrf": value, "intervals": ends, "wer": None, **more}


def finished(folder: Path, clips: int = 6, label: str = "raw skeletons", videos: bool = True) -> Path:
    """A run of two rows, the second 0.01 nearer to the truth of every joint; every clip's poses are the same."""
    raw, lifted, own = poses()
    names = [f"clip-{k}" for k in range(clips)]
    stores = {
        "lifted": lifted,
        "refined/own": own,
        "estimated": raw,
        "corpus/truth": lifted.replace(lifted.keypoints + 0.03),
    }
    for place, pose in stores.items():
        (folder / place / "test").mkdir(parents=True)
        write_store(folder / place / "test", ((name, pose) for name in names))
    if videos:
        video(folder / "clip.mp4")
    rows = [
        {"label": label, "name": "raw", "dev": scores(20, wer=30.0), "test": scores(22, wer=31.0)},
        {"label": "own", "name": "own", "dev": scores(24), "test": scores(25)},
    ]
    (folder / "table.json").write_text(json.dumps({"title": f"run {label}", "rows": rows, "notes": [label]}))
    (folder / "review.json").write_text(json.dumps(review(names, label, videos)))
    (folder / "refiner").mkdir()
    lines = [json.dumps({"step": s, "loss": 100 / s, "seconds": 1.0, label: s}) for s in (1, 50, 100)]
    (folder / "refiner" / "refiner.jsonl").write_text("\n".join([*lines, '{"step": 10']))
    return folder


def review(names: list[str], label: str, videos: bool) -> dict[str, Any]:
    rows = [
        {"name": "raw", "label": label, "poses": "lifted/test"},
        {"name": "own", "label": "own", "poses": "refined/own/test"},
    ]
    clips = [
        {"name": name, "reference": f"regen im norden {label} {k}", "hypothesis": f"regen im süden {label}",
         "glosses": ["REGEN", label], "read": ["REGEN"], "score": 10.0 * k,
         "video": "clip.mp4" if videos else None, "start": None, "end": None}
        for k, name in enumerate(names)
    ]  # fmt: skip
    return {"format": "slt-review-1", "task": "translate", "split": "test", "fps": 25.0, "rows": rows,
            "own": {"row": "own", "label": label}, "lifted": "lifted/test", "detected": "estimated/test",
            "truth": "corpus/truth/test", "clips": clips}  # fmt: skip
