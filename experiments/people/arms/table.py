"""`python -m experiments arms`: what inverse kinematics believes of arms and trunks, fitted to captured people.

The fit sees people who do not sign (CMU's gestures), from three sides and with a detector's errors, one option after
the other. Each activity is also left out of a fit and judged by it. Captured signing, and rendered signing with real
detections, judge what was fitted to all; no option is chosen on them.

Beside it, and of no weight for the package: the same options fitted to one captured signer and judged on the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from experiments.people.arms.fit import ArmsConfig, Clips, captured, fits, prior_of, signing
from experiments.people.captured import HANDS
from experiments.report import markdown, number, write_files
from experiments.request import Request
from skeletor.io.store import open_store
from skeletor.poses.normalise import normalise
from slt.synthetic.build import open_truth

ALL, WITHOUT, SIGNER = "all", "all but ", "signer "
Errors = Mapping[str, float]


def make(request: Request, config: ArmsConfig) -> None:
    """Fit, judge, write."""
    rng = np.random.default_rng(config.seed)
    train = {activity: captured(config, activity, rng) for activity in config.activities}
    signers = {hands: signing(config, hands) for hands in HANDS}
    judges = {f"LSF {hands}, {name}": clips for hands in HANDS for name, clips in signers[hands].items()}
    if request.run is not None:
        judges["rendered, real detections"] = rendered(request.run)
    bare = signers[HANDS[0]]
    chosen = fits(
        config,
        {ALL: list(train.values())}
        | {WITHOUT + left: [c for n, c in train.items() if n != left] for left in train}
        | {SIGNER + name: [clips.some(config.signer_every)] for name, clips in bare.items()},
        request.work,
    )
    priors = {"before": prior_of(config.begin), "fitted to all": prior_of(chosen[ALL])}
    result = {name: {n: c.errors(prior) for n, c in {**train, **judges}.items()} for name, prior in priors.items()}
    left_out = {name: clips.errors(prior_of(chosen[WITHOUT + name])) for name, clips in train.items()}
    by_signer = {
        name: {other: clips.errors(prior_of(chosen[SIGNER + name])) for other, clips in bare.items()} for name in bare
    }
    values = {
        **request.about(config, config.seed), "chosen": chosen[ALL],
        "chosen without": {name: chosen[WITHOUT + name] for name in train}, "errors": result,
        "left out of the fit": left_out,
        "fitted to a signer": {n: {"chosen": chosen[SIGNER + n], "errors": e} for n, e in by_signer.items()},
    }  # fmt: skip
    tables = [page_of(result, left_out, chosen[ALL]), signers_page(result, by_signer, config.signer_every)]
    write_files(request.results, request.name, "\n".join([*tables, f"Made by `{request.command}`."]), values)


def page_of(
    result: Mapping[str, Mapping[str, Errors]], left_out: Mapping[str, Errors], chosen: Mapping[str, float]
) -> str:
    """The table of the fits to CMU."""
    rows = []
    for name in next(iter(result.values())):
        cells = [_cell(errors[name]) for errors in result.values()]
        rows.append([name, *cells, number(left_out[name]["arms"]) if name in left_out else ""])
    note = (
        "Mean distance of shoulders, elbows and wrists, after the best scale of each clip; in brackets of wrists in "
        "depth. Shoulder widths. Last column: the fit to the other activities. Chosen, one option after the other: "
        + ", ".join(f"{name} {value:g}" for name, value in chosen.items())
        + "."
    )
    return markdown("Arms and trunk by inverse kinematics", ["judged on", *result, "left out of the fit"], rows, note)


def signers_page(
    result: Mapping[str, Mapping[str, Errors]], by_signer: Mapping[str, Mapping[str, Errors]], every: int
) -> str:
    """The table of the fits to one signer, a row for each other one who judges it."""
    rows = [
        [f"fitted to {own}, judged on {other}", _cell(errors),
         *(_cell(one[f"LSF {HANDS[0]}, {other}"]) for one in result.values()), _cell(by_signer[other][other])]
        for own, judged in by_signer.items() for other, errors in judged.items() if other != own
    ]  # fmt: skip
    note = (
        f"The same options fitted to captured signing, one clip of the signer in {every}, without hands or a "
        "detector's errors. Of no weight: these recordings have no licence for it, and nothing of these fits is "
        "in the package. Beside it on the same clips: what the package has ('fitted to all'), and the fit to the "
        "judged signer himself, which no fit to others can be expected to reach."
    )
    head = ["LSF, hands missing", "so fitted", *result, "fitted to who is judged"]
    return markdown("Trained on one signer, tested on the other", head, rows, note)


def _cell(errors: Errors) -> str:
    return f"{number(errors['arms'])} ({number(errors['wrist depth'])})"


def rendered(run: Path) -> Clips:
    """The dev clips of a finished run: rendered motion, and what was detected in its video."""
    found, truth = open_store(run / "estimated" / "dev"), open_truth(run / "corpus", "dev")
    seen, truths = [], []
    for name in sorted(set(found) & set(truth)):
        frames = min(len(found[name]), len(truth[name]))
        seen.append(found[name].frames(0, frames))
        truths.append(normalise(truth[name].frames(0, frames)))
    return Clips(truths, seen)
