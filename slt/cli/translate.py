"""`slt translate VIDEO...`: from pixels to a sentence."""

from __future__ import annotations

import argparse
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from skeletor.atomic import write_text
from skeletor.batch import for_each
from skeletor.errors import InputError, NothingToTranslate
from skeletor.refine2d import REFINERS_2D
from skeletor.refiners import REFINERS
from slt.cli.batch import output_names
from slt.lift_choice import HELP as LIFT_HELP
from slt.sparse import UPSAMPLINGS

if TYPE_CHECKING:
    from slt.estimate.ahead import Ahead

FORMATS = ("txt", "json", "srt")


def main(command: str, argv: list[str], text: str) -> int:
    """Translate one or more videos; exit code 3 if nobody signs, 2 for bad input."""
    parser = argparse.ArgumentParser(f"slt {command}", description=text)
    parser.add_argument("inputs", type=Path, nargs="+", help="videos, folders of frames, or files of 2D poses")
    parser.add_argument("--model", type=Path, help="model folder; default: the newest trained one")
    parser.add_argument("-o", "--output", type=Path, help="folder for the results; default: only print")
    parser.add_argument("-f", "--formats", default="txt", help="of the results, any of txt,json,srt")
    parser.add_argument("--refine2d", choices=REFINERS_2D, help="before lifting; default: the model's")
    parser.add_argument("--lift", metavar="NAME", help=f"default: the model's; {LIFT_HELP}")
    parser.add_argument("--refine", choices=REFINERS, help="default: the model's")
    parser.add_argument("--estimator", help="default: the model's; see `slt doctor`")
    parser.add_argument(
        "--pose-stride", type=int, help="2D on every so manyth frame only (faster); default: the model's"
    )
    parser.add_argument("--upsample", choices=UPSAMPLINGS, help="how all frames come from those; default: the model's")
    parser.add_argument("--workers", type=int, help="processes for 2D poses; default: one a core, at most 8; 0: none")
    parser.add_argument("--glosses", action="store_true", help="print the recognised glosses too (preset ctc)")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    args = parser.parse_args(argv)
    formats = args.formats.split(",")
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f"--formats {args.formats}: {unknown[0]!r} is none of {', '.join(FORMATS)}")

    names = output_names(args.inputs, args.output, "") if args.output else {}
    with _ahead(args) as ahead:
        return _translate(args, formats, names, ahead)


def _ahead(args: argparse.Namespace) -> AbstractContextManager[Ahead | None]:
    """2D poses from worker processes, begun before the models are loaded; None if they are made in this process."""
    from slt.estimate.ahead import ahead_of
    from slt.model_folder import read_model_config
    from slt.system import estimator_config, is_poses, model_folder

    folder = model_folder(args.model)
    config = estimator_config(read_model_config(folder), folder, args.estimator, args.pose_stride)
    return ahead_of([path for path in args.inputs if not is_poses(path)], config, args.workers)


def _translate(
    args: argparse.Namespace,
    formats: list[str],
    names: dict[Path, Path],
    ahead: Ahead | None,
) -> int:
    from slt.system import Sparse, load_system

    sparse = Sparse(args.pose_stride, args.upsample)
    system = load_system(args.model, args.refine, args.estimator, args.device, args.refine2d, args.lift, sparse)
    if args.glosses and not system.model.translator.recognised:
        raise InputError(f"{system.model.path}: recognises no glosses; train it with translate: {{preset: ctc}}")

    def work(path: Path) -> None:
        """Translate one input, print and write what came out."""
        result = system.translate(path, ahead if ahead and path in ahead else None)
        for warning in result.warnings:
            print(f"{path}: warning: {warning}", file=sys.stderr)
        if path in names:
            contents = {"txt": f"{result.text or ''}\n", "srt": result.srt(), "json": result.json()}
            for name in formats:
                if name == "json" or result.text is not None:
                    write_text(names[path].with_name(f"{names[path].name}.{name}"), contents[name])
        if result.text is None:
            raise NothingToTranslate(f"{path}: not translated: {result.reason}")
        print(f"{path}: {result.text}" if len(args.inputs) > 1 else result.text)
        if args.glosses:
            print(f"  glosses: {' '.join(result.glosses or ())}")

    return for_each(args.inputs, work, "translate")
