"""`slt model export`: a model folder with the card that the Hub reads; the same folder gives the same bytes."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skeletor.files.atomic import atomic_path
from skeletor.support.errors import InputError
from slt.inference.model_files import CARD, CONFIG, SCORES, SIGNS, check_files, read_model_config
from slt.sharing.card import README, About, make_readme, read_scores
from slt.sharing.check import KNOWN, require_sound


def export_model(
    folder: Path, out: Path, languages: tuple[str, ...] = (), licence: str = "", dataset: str = "", title: str = ""
) -> Path:
    """Write `out`: the files of the model, and README.md with its scores, from what the model says of itself.

    What is given takes the place of what the model says. `out` may be an older export, which is replaced.
    Raises InputError if the model is damaged, says too little of itself, `out` holds other files, or lies
    in `folder`.
    """
    if folder.resolve() in out.resolve().parents:
        raise InputError(f"{out}: lies in the model's own folder, which may hold its files alone; give another folder")
    config = read_model_config(folder)
    check_files(folder, config["files"])
    told: Mapping[str, Any] = config.get("card") or {}
    about = About(
        title=title or told.get("title") or folder.resolve().parent.name,
        languages=languages or tuple(told.get("languages", ())),
        licence=licence or told.get("licence", ""),
        dataset=dataset or told.get("dataset", ""),
        task="video-classification" if SIGNS in config["files"] else "translation",
    )
    readme = make_readme(about, read_scores(folder / SCORES), _body(folder / CARD, about))
    check_replaceable(out)
    with atomic_path(out) as temporary:
        temporary.mkdir()
        for name in (CONFIG, *config["files"]):
            shutil.copyfile(folder / name, temporary / name)
        (temporary / README).write_text(readme, encoding="utf-8")
        require_sound(temporary, load=False)
    return out


def check_replaceable(out: Path) -> None:
    """InputError if a folder to be written is there and holds anything that is no file of a model."""
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out}: is a file; give the name of a new folder")
    foreign = sorted(path.name for path in out.iterdir() if path.name not in KNOWN or path.is_dir())
    if foreign:
        raise InputError(f"{out}: holds {foreign[0]}, which is no file of a model; give the name of a new folder")


def _body(path: Path, about: About) -> str:
    """The model card, with how to use the model below it."""
    try:
        card = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text; copy the model folder again") from error
    use = "```\nslt model pull OWNER/NAME -o model\nslt translate video.mp4 --model model\n```"
    return f"{card.strip()}\n\n## Use\n{use}\n\nName of the data: {about.dataset}. Made with Skeletor-SLT.\n"
