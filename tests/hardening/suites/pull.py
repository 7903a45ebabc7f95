"""`slt model pull` from repositories of others: only a sound model arrives, nothing is run, nothing lies elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import yaml

from tests.hardening.case import Case, Context, Outcome, Suite
from tests.hardening.made.attack import Bomb
from tests.hardening.made.models import small_model
from tests.hardening.made.mutations import mutate
from tests.hardening.suites.key_points import judge
from tests.hardening.watch import Watch
from tests.slt.sharing.hub_stand_in import Files, Hub, hub_running

DAMAGED = 200
_SECONDS = 30.0  # CPU
_REPO = "somebody/model"
_NAMES = (
    "../evil.txt", "/etc/evil", "a/../../evil.txt", "weights/model.yaml", "..\\evil.txt", "C:\\evil.txt", "a\0b",
    ".git/config", "translator.safetensors/", "mod\u0435l.yaml", "MODEL.YAML", "n" * 5000, " model.yaml", "run.py",
    "pytorch_model.bin", "model.pkl", "-rf", "README.md\n", "~/.ssh/authorized_keys", "sitecustomize.py",
)  # fmt: skip


class Long(bytes):
    """A few bytes that are said to be a terabyte."""

    def __len__(self) -> int:
        return 1 << 40


def suite() -> Suite:
    """The suite."""
    return Suite("model pull", "only sound models arrive; nothing run, nothing elsewhere", _cases, parallel=False)


def _cases(context: Context) -> Iterator[Case]:
    yield Case("model pull", lambda: _check(context))


def _check(context: Context) -> Iterator[Outcome]:
    sound = _exported(context.folder("model"))
    canary, outside = context.work / "canary", context.folder("outside")
    (outside / "secret.bin").write_bytes(b"a secret")
    with ExitStack() as stack:
        hub = stack.enter_context(hub_running())
        watch = stack.enter_context(Watch(outside))
        yield Outcome("a sound one", _pulled(context, hub, sound, True))
        for name, files in context.sample([*_hostile(sound, canary).items()], "hostile"):
            yield Outcome(name, _tried(context, hub, files, False))
        for index in range(context.count(DAMAGED)):
            files, refused = _damaged(sound, context.seed, index)
            yield Outcome(f"damaged {index}", _tried(context, hub, files, None if refused is None else False))
        yield Outcome("a sound one at the end", _pulled(context, hub, sound, True))
    yield Outcome("code of a repository", "was executed" if canary.exists() else "")
    yield Outcome("files elsewhere", f"read: {', '.join(watch.opened)}" if watch.opened else "")


def _tried(context: Context, hub: Hub, files: Files, arrives: bool | None) -> str:
    try:
        return _pulled(context, hub, files, arrives)
    except Exception as error:
        return f"harness: {type(error).__name__}: {error}"


def _pulled(context: Context, hub: Hub, files: Files, arrives: bool | None) -> str:
    """Pull what the repository holds now. arrives: whether it may; None: either is right."""
    hub.commit(_REPO, files)
    place = context.folder("pulled")
    before = _tree(context.work, place)
    reply = context.server().call(pull, hub.address, str(place), cpu=_SECONDS)
    got = sorted(path.name for path in place.iterdir())
    if _tree(context.work, place) != before:
        return "a file was made elsewhere"
    if reply.error is None and not reply.died:
        if arrives is False:
            return f"taken: {got}"
        return "" if got == ["got"] and str(reply.value).isprintable() else f"left {got}, and said {reply.value!r}"
    text = str(reply.error["text"]) if reply.error else ""
    if got:
        return f"refused, and left {got}"
    return judge(reply) or (f"refused: {text}" if arrives else "" if text.isprintable() else f"said {text!r}")


def pull(address: str, place: str) -> str:
    """Pull, and check; what is printed. Everything of it goes again if it is sound."""
    import shutil

    from huggingface_hub import constants

    from slt.sharing.check import check_model
    from slt.sharing.hub import pull_model

    constants.HF_HUB_DISABLE_XET = True
    constants.HF_HUB_DOWNLOAD_TIMEOUT = constants.HF_HUB_ETAG_TIMEOUT = 5
    out = Path(place) / "got"
    shutil.rmtree(out, ignore_errors=True)
    found, _ = pull_model(_REPO, out, "main", address)
    header = check_model(out, load=False).header
    return f"{found.repo} {header['language']} {header['license']} {header['datasets']}"


def _tree(folder: Path, without: Path) -> list[str]:
    return sorted(str(p) for p in folder.rglob("*") if p != without and without not in p.parents)


def _exported(folder: Path) -> Files:
    """The files of a sound model with its card."""
    from slt.sharing.export import export_model

    model = small_model(folder)
    (model / "scores.json").write_text(json.dumps({split: {"bleu4": 1.0, "rouge": 2.0} for split in ("dev", "test")}))
    config = yaml.safe_load((model / "model.yaml").read_text(encoding="utf-8"))
    config["files"]["scores.json"] = hashlib.sha256((model / "scores.json").read_bytes()).hexdigest()
    (model / "model.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    out = export_model(model, folder / "exported", ("gsg", "de"), "CC0-1.0", "noise", "noise")
    return {path.name: path.read_bytes() for path in out.iterdir()}


def _with(sound: Files, hashed: bool = True, **changed: bytes) -> Files:
    """The files with some exchanged; `model.yaml` names their hashes if `hashed`. In names __ stands for a dot."""
    files = dict(sound) | {name.replace("__", "."): data for name, data in changed.items()}
    if hashed:
        config = yaml.safe_load(sound["model.yaml"])
        named = [name for name in config["files"] if name in files]
        config["files"] = {name: hashlib.sha256(bytes(files[name])).hexdigest() for name in named}
        files["model.yaml"] = yaml.safe_dump(config, allow_unicode=True, sort_keys=False).encode()
    return files


def _hostile(sound: Files, canary: Path) -> Mapping[str, Files]:
    """Repositories that want to be more than a model, by what they try."""
    bomb, deep = pickle.dumps({"a": Bomb(canary)}), b"[" * 100_000
    readme = sound["README.md"]
    head = b'{"a": {"dtype": "F32", "shape": [100000000000], "data_offsets": [0, 400000000000]}}'
    aliases = b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + b"".join(
        f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n".encode() for k in range(1, 12)
    )
    tag = f"x: !!python/object/apply:os.system [\"touch '{canary}'\"]\n".encode()
    made = {f"a file {name[:40]!r}": dict(sound) | {name: b"evil"} for name in _NAMES}
    made |= {
        "a pickle as weights": _with(sound, translator__safetensors=bomb),
        "a pickle as weights, hash of another": _with(sound, False, translator__safetensors=bomb),
        "a pickle as a vocabulary": _with(sound, vocabulary__txt=bomb),
        "a pickle as the card": _with(sound, README__md=bomb),
        "a header of 400 GB": _with(sound, translator__safetensors=len(head).to_bytes(8, "little") + head),
        "a header without end": _with(sound, translator__safetensors=b"\xff" * 8 + b"{}"),
        "a config 100,000 deep": dict(sound) | {"model.yaml": b"a: " + deep},
        "a config of aliases": dict(sound) | {"model.yaml": sound["model.yaml"] + aliases},
        "a config with a tag": dict(sound) | {"model.yaml": sound["model.yaml"] + tag},
        "a card 100,000 deep": dict(sound) | {"README.md": b"---\na: " + deep + b"\n---\n"},
        "a card of aliases": dict(sound) | {"README.md": b"---\n" + aliases + b"---\n"},
        "a card with a tag": dict(sound) | {"README.md": b"---\n" + tag + b"---\n"},
        "a card of escapes": dict(sound) | {"README.md": readme.replace(b"cc0-1.0", b'"\\e[2J\\e]0;x\\a"')},
        "no card": {name: data for name, data in sound.items() if name != "README.md"},
        "no config": {name: data for name, data in sound.items() if name != "model.yaml"},
        "nothing": {},
        "1,500 files": dict(sound) | {f"f{k}": b"" for k in range(1500)},
        "a terabyte": dict(sound) | {"translator.safetensors": Long(b"x")},
        "a pointer in place of weights": _with(
            sound, translator__safetensors=b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"
        ),
    }
    config = yaml.safe_load(sound["model.yaml"])
    for where in ("../../outside/secret.bin", "/etc/passwd", os.devnull):
        spoiled = {**config, "lift": {"mode": "learned", "weights": where}}
        made[f"weights at {where}"] = dict(sound) | {"model.yaml": yaml.safe_dump(spoiled).encode()}
        spoiled = {**config, "files": {**config["files"], where: "0" * 64}}
        made[f"a file of the model at {where}"] = dict(sound) | {"model.yaml": yaml.safe_dump(spoiled).encode()}
    return made


def _damaged(sound: Files, seed: int, index: int) -> tuple[Files, bool | None]:
    """A model with damage in one file; and True if it must be refused, None if nobody can know."""
    rng = random.Random(f"pull {seed} {index}")
    name = rng.choice(sorted(sound))
    mutation = mutate(sound[name], (), not name.endswith(".safetensors"), rng)
    hashed = rng.random() < 0.5 and name in yaml.safe_load(sound["model.yaml"])["files"]
    change: Callable[..., Files] = partial(_with, sound, hashed)
    vouched = name not in ("README.md", "model.yaml") and not hashed
    return change(**{name.replace(".", "__"): mutation.content}), True if vouched else None
