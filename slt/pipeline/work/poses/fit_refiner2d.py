"""Work of a stage: a 2D refiner fitted to the training clips' detections and their true 2D."""

from __future__ import annotations

from pathlib import Path

from skeletor.io.store import open_store
from skeletor.refiners2d.registry import FittedOptions

WEIGHTS = "refine2d.safetensors"


def fit_2d(
    truth: Path, detected: Path, config: FittedOptions, seed: int, about: tuple[str, str], threads: int, out: Path
) -> None:
    """Fit to the stores of true and detected 2D, in pixels, of the same clips; writes `out/refine2d.safetensors`.

    about: words on the data, and their licence. Raises InputError as `fit_refiner_2d` does.
    """
    from skeletor.refiners2d.fit import fit_refiner_2d
    from skeletor.refiners2d.weights import save_refiner_2d
    from skeletor.support.devices import cpu_threads

    with cpu_threads(threads):
        fitted, bones = fit_refiner_2d(open_store(truth), open_store(detected), config, seed, *about)
    save_refiner_2d(fitted, config, bones, out / WEIGHTS)
