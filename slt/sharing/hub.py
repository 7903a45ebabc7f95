"""`slt model push` and `pull`: to and from the Hugging Face Hub, or what speaks like it (`huggingface_hub`)."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skeletor.files.atomic import atomic_path
from skeletor.support.errors import InputError, MissingDependency, SkeletorError, one_line
from slt.sharing.check import KNOWN, PULLED, Checked, require_sound
from slt.sharing.export import check_replaceable

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_COMMIT = re.compile(r"[0-9a-f]{40}")
_MOST_FILES, _LARGEST = 100, 16 << 30  # bytes of all files together
_LISTED = 10 * _MOST_FILES  # that a Hub is asked for: its list could go on for ever
_LONGEST = 300
_LIBRARIES = ("huggingface_hub", "httpx", "httpcore", "httpx2", "httpcore2", "requests", "urllib3", "hf_xet")
_UNSENT = (".gitattributes", PULLED)  # the Hub's own; and of this copy alone


@dataclass(frozen=True)
class Place:
    """A model at one of its commits. revision: 40 hex digits."""

    repo: str
    revision: str


def push_model(folder: Path, repo: str, endpoint: str | None = None, public: bool = False, message: str = "") -> Place:
    """Send a model folder, in one commit; the repository is made if there is none, and seen by its owner alone unless
    `public`. Files of an earlier model that this one lacks are taken away.

    Raises InputError if the folder is not sound (see `slt.sharing.check`), holds what no model has, or the Hub refuses.
    """
    api = _api(endpoint)
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete
    from huggingface_hub.errors import RepositoryNotFoundError

    require_sound(folder)
    names = sorted(path.name for path in folder.iterdir() if path.name not in _UNSENT)
    with _speaking(repo):
        try:
            head = _commit(api, repo, "main")
        except RepositoryNotFoundError:
            api.create_repo(repo, private=not public)
            head = _commit(api, repo, "main")
        there = _names(api, head)
        _refuse_foreign(head, there)
        stale = [name for name in there if name not in names and name not in _UNSENT]
        operations = [CommitOperationAdd(name, folder / name) for name in names]
        made = api.create_commit(
            repo,
            [*operations, *(CommitOperationDelete(name) for name in stale)],
            commit_message=message or "A model of Skeletor-SLT",
            parent_commit=head.revision,
        )
    return Place(repo, made.oid)


def pull_model(repo: str, out: Path, revision: str = "main", endpoint: str | None = None) -> tuple[Place, Checked]:
    """Fetch a model into the folder `out`, which appears when all of it is there and sound, and replaces an older one.

    revision: a branch, a tag or a commit. It is looked up once, and every file is of that commit. Nothing is fetched
    that is no file of a model, and nothing loaded before `slt.sharing.check` has passed all files.
    Raises InputError if the Hub refuses, the model is not sound, or `out` holds other files.
    """
    api = _api(endpoint)
    check_replaceable(out)
    with _speaking(repo):
        place = _commit(api, repo, revision)
        if _COMMIT.fullmatch(revision) and place.revision != revision:
            raise InputError(f"{repo}: answers with commit {place.revision} when asked for {revision}")
        names = _names(api, place)
        _refuse_foreign(place, names)
    with atomic_path(out) as temporary:
        temporary.mkdir()
        cache = temporary / ".cache"
        with _speaking(repo):
            for name in names:
                if name not in _UNSENT:
                    got = api.hf_hub_download(repo, name, revision=place.revision, cache_dir=cache)
                    shutil.copyfile(got, temporary / name)
        shutil.rmtree(cache)
        source = {"repo": repo, "revision": place.revision}
        (temporary / PULLED).write_text(json.dumps(source, indent=1) + "\n", encoding="utf-8")
        found = _sound(temporary, place)
    return place, found


def _sound(folder: Path, place: Place) -> Checked:
    """As `require_sound`, of a folder that people know by its repository."""
    try:
        return require_sound(folder)
    except InputError as error:
        line = one_line(error, 2 * _LONGEST).removeprefix(f"{folder}: ").split("; `slt model check`")[0]
        raise InputError(f"{place.repo}@{place.revision[:12]}: not taken: {line}") from error


def _api(endpoint: str | None) -> HfApi:
    try:
        from huggingface_hub import HfApi
    except ImportError as error:
        raise MissingDependency(
            "huggingface_hub is not installed; pip install huggingface-hub, or uv sync --extra hub"
        ) from error
    return HfApi(endpoint=endpoint, library_name="skeletor-slt")


def _commit(api: HfApi, repo: str, revision: str) -> Place:
    """The commit that a revision means now."""
    found = api.model_info(repo, revision=revision).sha
    if found is None or not _COMMIT.fullmatch(found):
        raise InputError(f"{repo}: the Hub names no commit for {revision!r}")
    return Place(repo, found)


def _names(api: HfApi, place: Place) -> list[str]:
    """The files of a commit, by their paths. InputError if they would fill a disk: a model is a thousandth of that."""
    entries = list(islice(api.list_repo_tree(place.repo, recursive=True, revision=place.revision), _LISTED))
    size = sum(int(getattr(entry, "size", None) or 0) for entry in entries)
    if size > _LARGEST:
        raise InputError(f"{place.repo}: its files have {size:,} bytes; more than {_LARGEST >> 30} GB are not fetched")
    return sorted(str(entry.path) for entry in entries)


def _refuse_foreign(place: Place, names: Sequence[str]) -> None:
    """InputError if a repository holds a path that no model has: out of the folder, in a folder, or of another kind."""
    if len(names) > _MOST_FILES:
        raise InputError(f"{place.repo}: holds {len(names)} files, a model has at most {_MOST_FILES}")
    foreign = [name for name in names if name not in KNOWN]
    if foreign:
        raise InputError(
            f"{place.repo}@{place.revision[:12]}: holds {foreign[0][:_LONGEST]!r}, which is no file of a model; "
            "a model's repository holds nothing else"
        )


@contextmanager
def _speaking(repo: str) -> Iterator[None]:
    """In the block, whatever the Hub or the way to it refuses becomes an InputError of one line."""
    try:
        yield
    except SkeletorError:
        raise
    except Exception as error:
        chain: list[BaseException] = [error]
        while (below := chain[-1].__cause__ or chain[-1].__context__) is not None and len(chain) < 10:
            chain.append(below)
        if not isinstance(error, (OSError, ValueError, RuntimeError)) and not any(_is_refusal(one) for one in chain):
            raise
        raise InputError(f"{repo}: {_told(error)}") from error


def _is_refusal(error: BaseException) -> bool:
    return type(error).__module__.split(".")[0] in _LIBRARIES


def _told(error: Any) -> str:
    """What the Hub said, with the number of its answer."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    hints = {401: "log in first (`hf auth login`)", 403: "no permission", 404: "no such repository or revision"}
    number = "" if status is None else f"the Hub answers {status}"
    hint = f" ({hints[status]})" if status in hints else ""
    said = one_line(error, _LONGEST)
    if type(error).__name__ == "HFValidationError":  # before anything was asked
        return f"no name of a repository, as OWNER/NAME ({said})"
    return f"{number}{hint}: {said}" if number else f"cannot be reached: {said}"
