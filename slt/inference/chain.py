"""The whole chain on one input: estimate, refine in 2D, lift, refine, translate or abstain."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skeletor.files.plain_json import to_json
from skeletor.files.suffixes import is_poses
from skeletor.io.people import Take, select
from skeletor.lifters.choice import FIRST, elsewhere_warnings, exchange_warnings, exchanged_lift, stored_lift
from skeletor.lifters.registry import LIFTERS, Lifter, LiftOptions, build_lifter
from skeletor.poses.begins import begins
from skeletor.poses.key_frames import STRIDE, pose_stride
from skeletor.poses.normalise import normalise
from skeletor.poses.pose import PoseSequence
from skeletor.poses.seen import turned_warning
from skeletor.poses.skeleton import SIGNING_50
from skeletor.poses.turns import each_turn, one_signer
from skeletor.refiners.registry import REFINERS, RefineOptions, Refiner, build_refiner
from skeletor.refiners.smoothers.smooth import not_carried
from skeletor.refiners.trained import SHIPPED as SHIPPED_REFINER
from skeletor.refiners2d.base import NoRefine2DOptions
from skeletor.refiners2d.key_frames import OnKeyFrames
from skeletor.refiners2d.registry import REFINERS_2D, build_refiner_2d
from skeletor.support.errors import InputError
from skeletor.support.registry import given_weights
from slt.estimators.base import JSON, POSES, Estimator
from slt.estimators.given import GivenPoses, PoseFiles
from slt.estimators.mediapipe.bystanders import people_warning
from slt.estimators.registry import build_estimator
from slt.inference.estimation import Sparse, estimator_config, other_models
from slt.inference.model_files import REFINER, REFINER_2D, checked_file, read_model_config
from slt.inference.model_folder import ModelFolder, load_model_folder
from slt.recognise.decoding.align import Sign
from slt.recognise.guess import Guess, guess_lines
from slt.segment.written.cues import Cue
from slt.segment.written.subtitles import srt

SHIPPED = Path(__file__).parents[1] / "models" / "rendered"  # made by `python -m experiments sample`
AS_THEY_ARE = "3D poses are used as they are, not lifted again"


@dataclass(frozen=True)
class Translation:
    """What became of one input. text is None if the system abstained; reason says why.

    glosses: what the model recognised; None if it recognises none. signs: of a cascade, when each gloss is signed and
    how sure it is. top: of a model of isolated signs, the likeliest labels, best first. seconds: of each stage; where
    2D poses are made in other processes, `estimate` is what was left to wait for.
    """

    source: str
    text: str | None
    reason: str | None
    tokens: tuple[str, ...]
    score: float
    signals: dict[str, float]
    duration: float
    seconds: dict[str, float]
    provenance: dict[str, Any]
    warnings: tuple[str, ...]
    glosses: tuple[str, ...] | None = None
    signs: tuple[Sign, ...] | None = None
    top: tuple[Guess, ...] | None = None

    def json(self) -> str:
        """All of it as JSON text, signs by the clock of players; without the keys "glosses", "signs" and "top" if the
        model has none."""
        values, late = dataclasses.asdict(self), begins(self.provenance)
        for sign in values["signs"] or ():
            sign |= {edge: round(sign[edge] + late, 3) for edge in ("start", "end")}
        for key in ("glosses", "signs", "top"):
            if values[key] is None:
                del values[key]
        return to_json(values, 1) + "\n"

    def guesses(self) -> tuple[str, ...]:
        """Of a model of isolated signs, a line for each of the likeliest labels; () if it abstained."""
        return guess_lines(self.text, self.top)

    def cues(self) -> tuple[Cue, ...]:
        """One subtitle over the whole clip; its text is None if the system abstained."""
        start = begins(self.provenance)
        return (Cue(start, start + self.duration, self.text, None if self.text is None else sureness(self.signals)),)

    def srt(self) -> str:
        """One subtitle over the whole clip, or several in a row if its text is long."""
        return srt(self.cues())


@dataclass(frozen=True)
class Chain:
    """A trained chain, ready for videos."""

    model: ModelFolder
    estimator: Estimator
    lifter: Lifter
    refiner: Refiner
    refiner_2d: Refiner = field(default_factory=lambda: build_refiner_2d(NoRefine2DOptions()))
    notes: tuple[str, ...] = ()  # warnings that hold for every input

    def poses(self, source: Path, take: Take = select) -> PoseSequence:
        """2D poses of a video or a folder of frames; 2D or 3D ones of a file of poses. take: who is read of several."""
        if is_poses(source):
            return GivenPoses(PoseFiles(take=take), int(self.estimator.options.get(STRIDE, 1)))(source)
        if self.estimator.name in (POSES, JSON) and source.exists():
            raise InputError(
                f"{source}: no poses, and the model ({self.model.path}) was trained on given ones; --estimator "
                "mediapipe makes some, or give another --model"
            )
        return self.estimator(source)

    def translate(self, source: Path | str, estimate: Callable[[Path], PoseSequence] | None = None) -> Translation:
        """Translate one input. InputError if it cannot be read; an abstention is a result with text None.

        estimate: gives the poses in place of `poses`, for instance those that another process has made. 3D poses are
        used as they are (see `spatial`), which the warnings say.
        """
        seconds: dict[str, float] = {}
        raw = timed(seconds, "estimate", lambda: (estimate or self.poses)(Path(source)))
        return self.translate_poses(raw, source, seconds)

    def translate_poses(
        self,
        raw: PoseSequence,
        source: Path | str,
        seconds: dict[str, float] | None = None,
        told: PoseSequence | None = None,
    ) -> Translation:
        """Translate the poses of one input, as `poses` gives them. seconds: takes up how long each stage took.

        told: what tells who was seen, in place of `raw`; where frames were lost, these are no frames without a signer.
        Of people who sign in turns the one who signs longest is read.
        """
        from slt.recognise.cascade import Cascade  # torch takes seconds to load
        from slt.recognise.isolated import SignReader

        raw, seconds = one_signer(raw), {} if seconds is None else seconds
        abstention, translator = self.model.abstention, self.model.translator
        told, warnings = told_of(raw) if told is None else told, (*lifted_before(raw), *self.warnings(raw))
        reason = None if told is None else abstention.signer_reason(told)
        if reason is not None:
            return _abstained(Path(source), raw, reason, seconds, warnings)
        refined = self.spatial(raw, seconds)
        hypothesis = timed(seconds, "translate", lambda: translator.translate([refined])[0])
        signals = timed(seconds, "judge", lambda: abstention.signals(translator, told, refined, hypothesis))
        reason = abstention.reason(signals)
        return Translation(
            source=str(source),
            text=None if reason else hypothesis.text,
            reason=reason,
            tokens=tuple(hypothesis.tokens),
            score=hypothesis.score,
            signals=signals,
            duration=raw.seconds,
            seconds=seconds,
            provenance=dataclasses.asdict(refined.provenance),
            warnings=warnings,
            glosses=translator.recognise([refined])[0] if translator.recognised else None,
            signs=translator.signs([refined])[0] if isinstance(translator, Cascade) else None,
            top=translator.top([refined])[0] if isinstance(translator, SignReader) else None,
        )

    def spatial(self, raw: PoseSequence, seconds: dict[str, float] | None = None) -> PoseSequence:
        """The pose as the translator reads it: refined 3D on SIGNING_50 in shoulder widths.

        2D is refined in 2D, if the model does that, and lifted; 3D is normalised, unless it is. Then it is refined,
        unless it was: its provenance tells. Turns of several people are put through by themselves. seconds: takes up
        how long each stage took. InputError if the pose cannot be brought there.
        """
        return each_turn(raw, lambda part: self._spatial(part, {} if seconds is None else seconds))

    def _spatial(self, raw: PoseSequence, seconds: dict[str, float]) -> PoseSequence:
        """`spatial` of one person."""
        pose = to_signing_50(raw)
        if pose.dims == 3:
            pose = pose if pose.provenance.units == "shoulder" else normalise(pose)
        else:
            if self.refiner_2d.name != "none":
                flat = pose
                pose = timed(seconds, "refine2d", lambda: OnKeyFrames(self.refiner_2d)(flat))
            pose = timed(seconds, "lift", lambda: self.lifter(pose))
        return pose if refined_before(raw) else timed(seconds, "refine", lambda: self.refiner(pose))

    def warnings(self, raw: PoseSequence) -> tuple[str, ...]:
        """Where the input differs from what the model was trained on, and whether it was refined before."""
        config = self.model.config
        trained, own = config.get("lift_version", FIRST), str(config["lift"].get("mode", "fast"))
        found = list(self.notes if raw.dims == 2 else elsewhere_warnings(trained, own, raw))
        if refined_before(raw):
            found.append("refined before, and not again")
        known = config["estimator"]["name"].removesuffix("-json")
        by = {stage.config.get("estimator") for stage in raw.provenance.stages}
        files = known == POSES and not by.isdisjoint((POSES, JSON))  # whose poses the model learned is not known
        if raw.provenance.estimator and raw.provenance.estimator != known and not files:
            found.append(f"poses by {raw.provenance.estimator}, the model was trained on {known}")
        found += other_models(config["estimator"], config["estimator_version"], raw)
        found += [told for told in (turned_warning(raw), people_warning(raw)) if told is not None]
        fps = float(config["fps"])
        if abs(raw.fps - fps) > 0.01 * fps:
            found.append(f"{raw.fps:g} fps, the model was trained at {fps:g}; the poses are resampled")
        stride, trained = pose_stride(raw), int(config["estimator"].get(STRIDE, 1))
        if stride > trained:
            found.append(f"2D on 1 frame in {stride}, the model was trained with 1 in {trained}; expect more mistakes")
        if stride > (known := max(trained, *self.model.abstention.strides)):
            whole = "every frame" if known == 1 else f"1 frame in {known}"
            found.append(f"its limits for not translating were set with 2D on {whole}; expect it to refuse more often")
        return tuple(found)


def told_of(raw: PoseSequence) -> PoseSequence | None:
    """The pose, if it tells who was seen; None for 3D joints without any confidence."""
    return raw if raw.dims == 2 or raw.confidence.any() else None


def lifted_before(raw: PoseSequence) -> tuple[str, ...]:
    """A warning, if the pose is 3D already."""
    return () if raw.dims == 2 else (AS_THEY_ARE,)


def sureness(signals: Mapping[str, float]) -> float | None:
    """Geometric mean of the probabilities of a sentence's tokens, 0 to 1, from its signals; None if it has none."""
    return math.exp(signals["log_prob"]) if "log_prob" in signals else None


def refined_before(pose: PoseSequence) -> bool:
    """Whether a refiner has been at work on a 3D pose, as its provenance tells.

    What one has put into 2D has confidence 0: the lifter does not take it for seen, and it is repaired anew.
    """
    record = pose.provenance.stage("refine")
    return pose.dims == 3 and record is not None and record.config.get("name") != "none"


def load_chain(
    model: Path | None = None,
    refine: str | None = None,
    estimator: str | None = None,
    device: str = "auto",
    refine2d: str | None = None,
    lift: str | None = None,
    sparse: Sparse | None = None,
    fps: float | None = None,
) -> Chain:
    """The chain of a model folder (default: as of `model_folder`), with some stages exchanged if asked for.

    lift: a name as in `skeletor.lifters.choice.lift_values`. fps: of inputs that do not tell theirs (folders of frames,
    JSON).
    """
    folder, sparse = model_folder(model), sparse or Sparse()
    loaded = load_model_folder(folder, device)
    config = loaded.config
    own_lift = stored_lift(config["lift"], folder)
    lifting = exchanged_lift(own_lift, lift)
    lifter = build_lifter(upsampling(lifting, sparse.upsample))
    stored = REFINERS.check(config["refine"], f"{folder}/model.yaml: refine")
    return Chain(
        loaded,
        build_estimator(estimator_config(config, folder, estimator, sparse, fps)),
        lifter,
        make_refiner(refine, folder) if refine and refine != stored.name else _with_weights(stored, folder),
        refiner_2d_of(folder, config.get("refine2d"), refine2d),
        exchange_warnings(config.get("lift_version", FIRST), lifter, None if lifting == own_lift else lift),
    )


def model_folder(given: Path | None = None, shipped: bool = True) -> Path:
    """That folder, or the newest trained one, or (unless `shipped` is False) the one that comes with the package.

    Raises InputError if there is none.
    """
    folder = given or newest_model() or (shipped_model() if shipped else None)
    if folder is None:
        raise InputError(f"no trained model found under {_runs()}/; run `make pipeline`, or give --model DIR")
    return folder


def upsampling(lift: LiftOptions, upsample: str | None) -> LiftOptions:
    """A lifter's options with what is asked for; None leaves them. InputError if that lifter cannot."""
    if upsample is None:
        return lift
    if upsample == "token" and given_weights(lift) is None:
        raise InputError(
            f"--upsample token: the lifter ({lift.mode}) cannot; add --lift uplift-upsample, or its weights "
            "(`slt lift train configs/lift_uplift.yaml` makes some)"
        )
    return LIFTERS.check(lift.model_dump() | {"upsample": upsample}, "--upsample")


def refiner_2d_of(folder: Path, stored: Mapping[str, Any] | None, name: str | None) -> Refiner:
    """The 2D refiner of a model folder, or another one that needs no weights; InputError for one that does: only the
    folder's own is fitted."""
    config = REFINERS_2D.check(dict(stored or {}), f"{folder}/model.yaml: refine2d")
    if name not in (None, config.name):
        asked = REFINERS_2D.check({"name": name}, "--refine2d")
        if not REFINERS_2D[asked.name].weighted:
            return build_refiner_2d(asked)
        raise InputError(
            f"{folder}: its 2D refiner is {config.name}, not {name}; train one with `slt run CONFIG --refine2d {name}`"
        )
    if not REFINERS_2D[config.name].weighted:
        return build_refiner_2d(config)
    return build_refiner_2d(config.model_copy(update={"weights": str(folder / REFINER_2D)}))


def shipped_model() -> Path | None:
    """The model folder that comes with the package, trained on the rendered signer; None where it was left out."""
    return SHIPPED if (SHIPPED / "model.yaml").is_file() else None


def newest_model(root: Path | None = None) -> Path | None:
    """The model folder written last under runs/ (or $SLT_RUNS), or None."""
    found = sorted((root or _runs()).glob("*/model/model.yaml"), key=lambda p: p.stat().st_mtime)
    return found[-1].parent if found else None


def _runs() -> Path:
    return Path(os.environ.get("SLT_RUNS", "runs"))


def make_refiner(name: str, model: Path | None = None, carried: bool = True) -> Refiner:
    """A refiner by name; a network takes its weights from a model folder, Skeletor by default those of the package.

    carried: of smoothers, see `skeletor.refiners.smoothers.smooth`. InputError if False is asked of another refiner.
    """
    config = refiner_options(name, carried)
    given = REFINERS[config.name].weighted
    if model is None and config.name == "skeletor":
        return build_refiner(config.model_copy(update={"weights": str(SHIPPED_REFINER)}))
    return _with_weights(config, (model or newest_model() or shipped_model()) if given else None)


def refiner_options(name: str, carried: bool = True) -> RefineOptions:
    """What `make_refiner` checks before weights are looked for."""
    return REFINERS.check({"name": name} | ({} if carried else not_carried(name)), "--refine")


def _with_weights(config: RefineOptions, folder: Path | None) -> Refiner:
    """A refiner with these options; a network with the weights of a model folder."""
    if not REFINERS[config.name].weighted:
        return build_refiner(config)
    if folder is None or REFINER not in read_model_config(folder)["files"]:
        raise InputError(
            f"{folder or 'runs/'}: no trained refiner there; run `make pipeline`, give --model DIR, or --refine savgol"
        )
    return build_refiner(config.model_copy(update={"weights": str(checked_file(folder, REFINER))}))


def to_signing_50(pose: PoseSequence) -> PoseSequence:
    """The pose on the signing skeleton; InputError if it cannot be mapped."""
    return pose.to_skeleton(SIGNING_50)


def timed(seconds: dict[str, float], name: str, work: Callable[[], Any]) -> Any:
    """What the work gives; how long it took, in seconds, is noted under that name."""
    start = time.perf_counter()
    result = work()
    seconds[name] = round(time.perf_counter() - start, 4)
    return result


def _abstained(
    source: Path, raw: PoseSequence, reason: str, seconds: dict[str, float], warnings: tuple[str, ...]
) -> Translation:
    provenance = dataclasses.asdict(raw.provenance)
    return Translation(str(source), None, reason, (), 0.0, {}, raw.seconds, seconds, provenance, warnings)
