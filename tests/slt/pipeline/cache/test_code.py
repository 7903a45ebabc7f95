"""What code a stage depends on: on a small tree every form of import, on the real one the keys of all stages."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path

import pytest

from slt.data.layout import Corpus, Description
from slt.pipeline import context, run
from slt.pipeline import corpus as corpus_stage
from slt.pipeline.cache import code
from slt.pipeline.cache.code import ROOT, Project, module_of
from slt.pipeline.cache.stage import Done, stage_key
from slt.pipeline.config import RunConfig
from slt.pipeline.stages import refine2d, translators
from slt.pipeline.work.readers.train_sign2text import make_row
from slt.pipeline.work.write_model import build_model_folder
from tests.slt.estimators.rtm.tiny import pose_model

TREE = {
    "app/__init__.py": "",
    "app/main.py": "import os, numpy as np\nfrom app.tools import used\nfrom . import near\n",
    "app/near.py": "from .deep.leaf import value\nfrom .deep import other as another\n",
    "app/deep/__init__.py": "from app.deep.eager import shown\n",
    "app/deep/eager.py": "shown = 1\n",
    "app/deep/leaf.py": "from ..top import x\nvalue = x\n",
    "app/deep/other.py": "",
    "app/top.py": "x = 1\n",
    "app/tools/__init__.py": "from app.tools.used import used\n",
    "app/tools/used.py": "def used():\n    import scipy.signal\n    from app import late as l\n    return l\n",
    "app/late.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app import never\n"
    "else:\n    from app import otherwise\n",
    "app/never.py": "",
    "app/otherwise.py": "import tqdm\n",
    "app/alone.py": "import torch\n",
    "app/lazy/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.lazy.home import Thing\n"
    "    from app.lazy.far import Far\n\n\ndef __getattr__(name):\n    from app.lazy import home\n    return home\n",
    "app/lazy/home.py": "from app import top\nThing = top\n",
    "app/lazy/far.py": "Far = 1\n",
    "app/asks.py": "from app.lazy import Thing\n",
    "app/star.py": "from app.lazy import *\n",
    "app/called.py": "import importlib\nimportlib.import_module('app.top')\n",
    "app/spaces/inner.py": "",
    "app/inside.py": "import app.spaces.inner as i\n",
    "app/wrong.py": "from app.top import nothing\n",
    "app/gone.py": "import app.nowhere\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def closure(root: Path, entry: str) -> set[str]:
    return set(Project(root, ("app",)).closure([entry]).modules)


def test_every_form_of_import_counts_and_those_for_types_do_not(tree: Path) -> None:
    found = Project(tree, ("app",)).closure(["app.main"])
    assert set(found.modules) == {
        "app", "app.main", "app.near", "app.tools", "app.tools.used", "app.late", "app.otherwise", "app.deep",
        "app.deep.eager", "app.deep.leaf", "app.deep.other", "app.top",
    }  # fmt: skip
    assert found.packages == ("numpy", "scipy"), "neither the standard library nor what only shows progress"


def test_a_lazy_package_counts_as_what_is_asked_of_it(tree: Path) -> None:
    assert closure(tree, "app.lazy") == {"app", "app.lazy"}
    assert closure(tree, "app.asks") == {"app", "app.asks", "app.lazy", "app.lazy.home", "app.top"}
    assert closure(tree, "app.star") == {"app", "app.star", "app.lazy", "app.lazy.home", "app.lazy.far", "app.top"}


def test_an_import_by_a_call_and_a_folder_without_init_count(tree: Path) -> None:
    assert closure(tree, "app.called") == {"app", "app.called", "app.top"}
    assert closure(tree, "app.inside") == {"app", "app.inside", "app.spaces", "app.spaces.inner"}


@pytest.mark.parametrize("entry", ["app.wrong", "app.gone", "app.nowhere"])
def test_what_cannot_be_found_is_an_error_and_not_left_out(tree: Path, entry: str) -> None:
    with pytest.raises(LookupError, match="no"):
        closure(tree, entry)


def test_only_an_edit_within_the_closure_changes_the_digest(tree: Path, tmp_path: Path) -> None:
    def digest(**changed: str) -> str:
        return Project(tree, ("app",), {f"app/{k}.py": v for k, v in changed.items()}).digest(["app.main"])

    before = digest()
    assert digest(never="a = 1\n") == before == digest(alone="")
    assert digest(top="x = 2\n") != before and digest(**{"tools/used": "def used(): ...\n"}) != before
    assert digest(alone="import app.never\n") == before != digest(top="from app import alone\nx = 1\n")
    elsewhere = tmp_path / "elsewhere"
    for name, text in reversed(TREE.items()):
        (elsewhere / name).parent.mkdir(parents=True, exist_ok=True)
        (elsewhere / name).write_text(text)
    assert Project(elsewhere, ("app",)).digest(["app.main"]) == before, "neither the place nor the dates count"


def test_the_versions_of_packages_count_where_they_are_imported(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def digests() -> tuple[str, str]:
        code._version.cache_clear()
        project = Project(tree, ("app",))
        return project.digest(["app.main"]), project.digest(["app.alone"])

    before, version = digests(), metadata.version
    monkeypatch.setattr(code.metadata, "version", lambda name: "9" if name == "torch" else version(name))
    after = digests()
    code._version.cache_clear()
    assert before[0] == after[0] and before[1] != after[1]


def test_a_function_stands_for_its_module() -> None:
    assert (
        module_of(build_model_folder)
        == "slt.pipeline.work.write_model"
        == module_of(partial(partial(build_model_folder)))
    )
    assert module_of("a.b") == "a.b"


def test_a_module_with_a_name_that_is_not_known_beforehand_is_imported_only_by_these() -> None:
    """What `import_module` gets must stand in the source; packages' lazy `__getattr__` declare their names."""
    found = set()
    for package in code.PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                called = isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module"
                if called and not isinstance(node.args[0], ast.Constant):
                    found.add(file.relative_to(ROOT).as_posix())
    assert found == {"slt/cli/__init__.py", "slt/estimators/openpose.py"}  # the second: OpenPose's own


def test_every_module_of_the_project_can_be_followed() -> None:
    files = [file.relative_to(ROOT) for package in code.PACKAGES for file in (ROOT / package).rglob("*.py")]
    names = {".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files}
    assert set(code.this_project().closure(sorted(names)).modules) == names


Keys = Callable[..., tuple[dict[str, str], dict[str, str]]]


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """keys(changed): key of each stage of a run by name, and the digest of its own code; nothing is computed."""
    found: dict[str, str] = {}
    own: dict[str, str] = {}
    real = code.this_project()

    def noted(name, folder, work, config, inputs, reuse=()):
        found[name], own[name] = stage_key(config, inputs, (work,)), code.code_digest((work,))
        return Done(name, folder, found[name], 0.0)

    for module in (context, corpus_stage, refine2d):
        monkeypatch.setattr(module, "run_stage", noted)
    monkeypatch.setattr(run.layout, "read_corpus", lambda folder: Corpus(tmp_path, Description(kind="rendered"), ()))
    monkeypatch.setattr(run, "list_bad_clips", lambda *args: 0)
    monkeypatch.setattr(run, "build_lifter", lambda config: None)
    monkeypatch.setattr(run, "check_weights", lambda options: None)
    monkeypatch.setattr(run, "write_text", lambda *args: None)
    monkeypatch.setattr(run, "keyed_folder", lambda folder, key: folder)
    monkeypatch.setattr(context, "log_to", lambda *args: None)

    def keys_of(changed: Mapping[str, str] | None = None, **sections: object) -> tuple[dict[str, str], dict[str, str]]:
        project = real.edited(changed or {})
        monkeypatch.setattr(code, "this_project", lambda: project)
        found.clear()
        own.clear()
        config = RunConfig.model_validate({"refine2d": {"name": "gaussian"}} | sections)
        done = run.prepare_rows(config, tmp_path / "run")
        context.train_stage(done.run, translators.row_training(done.run, done.rows[0], 1))
        context.train_stage(done.run, translators.gloss_training(done.run, 1))
        own["model"] = code.code_digest((build_model_folder,))
        own["sign2text"] = code.code_digest((make_row,))
        return dict(found), dict(own)

    return keys_of


ROWS = {"savgol", "skeletor", "skeletor-motion", "skeletor-shipped"}
TRAINED = {"refiner", "motion"}
REFINED_2D = {"fit refine2d", "refine2d"}
TRANSLATORS = {"train raw", "train gloss2text"}
CORPUS = {"corpus", "sign2text"}  # Sign2Text renders what the corpus has no pixels of


@pytest.mark.parametrize(
    "module, reached",
    [
        ("slt/synthetic/picture/limbs", CORPUS),
        ("slt/synthetic/picture/portrait", CORPUS),
        ("slt/synthetic/language/german", CORPUS),
        ("slt/synthetic/language/patterns", CORPUS),
        ("slt/synthetic/detector/noise_events", {"simulate"}),
        ("slt/estimators/mediapipe/models/prune", {"estimate", "model"}),
        ("slt/estimators/rtm/tools", {"estimate", "model"}),
        (
            "skeletor/lifters/kinematic/kinematics",
            {"lift", "model"},
        ),  # the model's limits for sparse 2D need the whole chain
        ("skeletor/lifters/learned/networks/joint_token", {"lift", "model"}),
        ("skeletor/refiners/networks/spatial_prior", {*TRAINED, *ROWS, "model"}),
        ("skeletor/refiners/inference/trust", {*ROWS, "model"}),
        ("skeletor/learning/trainer", {*TRAINED, *REFINED_2D, "model"}),
        # of several processes of a translator's training each has its own coin flips
        ("skeletor/learning/feed", {*TRAINED, *REFINED_2D, *TRANSLATORS, "sign2text", "model"}),
        ("skeletor/learning/augment", {"lift", *TRAINED, "model"}),  # a lifter may average with the mirror image
        ("skeletor/refiners2d/port/model", {*REFINED_2D, "model"}),
        ("skeletor/refiners2d/port/training", {*REFINED_2D, "model"}),  # a 2D refiner comes with how it is fitted
        ("slt/translate/joey/decoding/search", {*TRANSLATORS, "sign2text", "model"}),
        ("slt/translate/abstain", {"model"}),
        ("slt/inference/model_folder", {"model"}),
        ("skeletor/lifters/benchmarks/human36m", set()),
        ("skeletor/lifters/learned/training", set()),
        ("slt/data/check", set()),
        ("slt/cli/corpora/run", set()),
        ("slt/inference/chain", set()),
        ("slt/pipeline/report", set()),
        ("slt/pipeline/run", set()),
        ("slt/pipeline/cache/stage", set()),
        ("experiments/tables/lifters/table", set()),
    ],
)
def test_an_edit_reaches_the_stages_that_import_it_and_no_other(keys: Keys, module: str, reached: set[str]) -> None:
    (before, own), path = keys(), f"{module}.py"
    after, edited = keys({path: (ROOT / path).read_text(encoding="utf-8") + "\nEDITED = True\n"})
    assert {name for name in own if own[name] != edited[name]} == reached
    changed = {name for name in before if before[name] != after[name]}
    assert reached & set(before) <= changed, "their keys too, and those of what is made from their results"
    if "corpus" in reached:
        assert changed == set(before) - {"train gloss2text"}  # which reads the sentences alone
    if not reached:
        assert changed == set()


def test_an_estimators_weights_count_by_their_bytes_and_not_by_their_place(keys: Keys, tmp_path: Path) -> None:
    for package in ("onnxruntime", "rtmlib"):
        pytest.importorskip(package, reason="the extra rtm is not installed")

    def told(path: Path) -> str:
        return keys(estimator={"name": "rtmlib", "weights": str(path), "device": "cpu"})[0]["estimate"]

    file = pose_model(tmp_path / "rtmw.onnx")
    before = told(file)
    assert told(file.rename(tmp_path / "moved.onnx")) == before != keys()[0]["estimate"]
    assert told(pose_model(file, size=(96, 128))) != before


def test_an_edit_of_the_type_that_all_stages_pass_on_reaches_all(keys: Keys) -> None:
    path = "skeletor/poses/pose.py"
    own, edited = keys()[1], keys({path: (ROOT / path).read_text(encoding="utf-8") + "\n"})[1]
    assert all(own[name] != edited[name] for name in own) and len(own) >= 14


def test_packages_count_for_the_stages_that_need_them(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    version = metadata.version
    own = keys()[1]

    def reached(package: str) -> set[str]:
        code._version.cache_clear()
        monkeypatch.setattr(code.metadata, "version", lambda name: "0" if name == package else version(name))
        return {name for name, digest in keys()[1].items() if digest != own[name]}

    assert reached("mediapipe") == {"estimate", "model"}
    assert reached("joeynmt") == {*TRANSLATORS, "sign2text", "model"}
    assert reached("av") == {"estimate", *CORPUS, "model"}
    assert reached("torch") >= {"lift", *TRAINED, *ROWS, *TRANSLATORS, "model"}
    assert reached("numpy") == set(own)
    assert reached("pytest") == set()
    code._version.cache_clear()
