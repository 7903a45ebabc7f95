"""What all tests share."""

import gc
import os
from collections.abc import Callable, Generator, Iterator
from functools import cache
from multiprocessing import util
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # read when torch is loaded: who waits leaves the cores

import numpy as np
import pytest
from hypothesis import settings

from skeletor.support.progress import log
from tests.hardening.warm import fork_workers

# A busy machine must not fail a property: no time limit per example. What passes once passes on every machine: examples
# are the same in each run. `--hypothesis-profile=search` looks for new ones.
settings.register_profile("house", deadline=None, derandomize=True, max_examples=50)
settings.register_profile("search", deadline=None)
settings.load_profile("house")


# Files that take a process for long, and some of the last; by paths, since several have one name.
_LONG = tuple(
    Path(__file__).parent / file
    for file in (
        "slt/pipeline/test_tiny_run.py", "hardening/test_hardening.py", "experiments/benchmarks/test_bench.py",
        "experiments/long/test_long.py", "slt/test_together.py", "slt/video/headers/test_whole.py", "test_full_disk.py",
        "experiments/long/test_recordings.py",
    )
)  # fmt: skip


def pytest_configure(config: pytest.Config) -> None:
    """`--dist loadfile` is to keep the order below; by itself it begins with the files of the most tests."""
    if hasattr(config.option, "loadscopereorder"):  # xdist is there
        config.option.loadscopereorder = False


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Hundreds of modules are loaded here, and stay: an eighth of the time would be the search for garbage in them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: one that begins last would keep one process busy when all others have ended."""
    items.sort(key=lambda item: _LONG.index(item.path) if item.path in _LONG else len(_LONG))


@pytest.fixture(scope="session", autouse=True)
def no_lines_of_a_busy_machine() -> Iterator[None]:
    """Work that takes more than 15 seconds tells how far it is, on stderr: it may on a machine that is busy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skeletor.support.progress._EVERY", float("inf"))
        yield


_VISIBLE = "CUDA_VISIBLE_DEVICES"
_VARIABLE = os.environ.get(_VISIBLE)


@cache
def _real() -> tuple[Callable[[], bool], Callable[[], int]]:
    """How torch sees GPUs; it is not loaded by xdist's first process, for which all others wait."""
    import torch

    return torch.cuda.is_available, torch.cuda.device_count


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Only tests with the mark `gpu`, and the processes that they start, see a GPU; `auto` is the CPU for all others.

    So a test gives the same on every machine. Before the fixtures of any scope, which may start processes too.
    """
    import torch

    available, count = _real()
    if item.get_closest_marker("gpu") is None:
        os.environ[_VISIBLE] = ""
        torch.cuda.is_available, torch.cuda.device_count = lambda: False, lambda: 0
        return
    torch.cuda.is_available, torch.cuda.device_count = available, count
    if _VARIABLE is None:
        os.environ.pop(_VISIBLE, None)
    else:
        os.environ[_VISIBLE] = _VARIABLE


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """Handlers that a command put on the log go with its test: they hold the stderr of that test."""
    before = list(log.handlers), log.level, log.propagate
    yield
    for handler in set(log.handlers) - set(before[0]):
        log.removeHandler(handler)
        handler.close()
    log.setLevel(before[1])
    log.propagate = before[2]


@pytest.fixture(autouse=True)
def _own_place() -> Iterator[None]:
    """A test that leaves the process in another folder breaks those behind it."""
    before = Path.cwd()
    yield
    here = Path.cwd()
    os.chdir(before)
    assert here == before, f"the test ended in {here}"


@pytest.fixture
def forked_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes are forked: where what they do is tested, not how they begin, imports are most of the time.

    Where there is no /proc, they are spawned as ever.
    """
    if not Path("/proc/self/fd").exists():
        return
    monkeypatch.setattr(util, "spawnv_passfds", util.spawnv_passfds)  # put back in the end
    fork_workers()


@pytest.fixture
def captured_file(tmp_path: Path) -> Path:
    """Two sequences in the layout of the CMU gestures (38 joints, metres, y up): arms that swing before the body."""
    time = np.arange(200)[:, None] / 24
    moving = np.zeros((200, 38, 3), np.float32)
    places = {18: (0, 0.16, 0.08), 30: (-0.2, 0, 0), 21: (0.2, 0, 0), 31: (-0.3, -0.25, 0.05), 22: (0.3, -0.25, 0.05)}
    for joint, place in places.items():
        moving[:, joint] = place
    for joint, side in ((32, -1), (23, 1)):
        across, up = side * (0.3 - 0.1 * np.sin(time)), -0.1 + 0.1 * np.cos(time)
        moving[:, joint] = np.concatenate([across, up, np.full_like(up, 0.25)], 1)
    path = tmp_path / "arms.npz"
    np.savez(path, parent=np.arange(38), offset=np.zeros((38, 3)), test_wave=moving, train_swing=moving * 1.01)
    return path
