"""The queue: one at a time for each process, in order, broken off for real, and nothing left behind."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import pytest

from skeletor.support.errors import InputError
from skeletor.support.workers import worker_pool
from slt.serve import jobs as queueing
from slt.serve.folder import private_folder
from slt.serve.jobs import Full, Job, Jobs, State, job_queue
from slt.serve.limits import Limits
from slt.serve.work import Task
from tests.slt.serve.fakes import queue, until
from tests.slt.serve.work import work

LIVES_ON = """
import sys
from slt.serve.folder import private_folder
with private_folder() as folder:
    (folder / "upload.mp4").write_text("x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(name="place", autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders go."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def sent(jobs: Jobs, name: str) -> Job:
    job = jobs.begin(name)
    job.source.write_text(name)
    jobs.uploaded(job)
    return job


def ended(job: Job) -> bool:
    return job.state in (State.DONE, State.FAILED)


def test_jobs_are_done_in_order_and_what_was_sent_is_deleted(place):
    with queue() as jobs:
        (folder,) = place.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        many = [sent(jobs, f"clip{k}.mp4") for k in range(4)]
        assert jobs.status(many[3])["state"] in ("waiting", "running", "done")
        until(lambda: all(map(ended, many)))
        assert [one.state for one in many] == [State.DONE] * 4
        assert sorted(many, key=lambda job: job.since) == many, "first come, first served"
        until(lambda: not any(one.source.exists() for one in many))
        assert all((one.folder / "result.json").exists() for one in many)
        assert len({one.key for one in many}) == 4 and all(len(one.key) >= 32 for one in many)
    assert not list(place.iterdir())


def test_one_that_waits_is_told_how_many_are_before_it():
    with queue() as jobs:
        first = sent(jobs, "stuck")
        until(lambda: jobs.status(first).get("progress"))
        told = jobs.status(first)
        assert (told["state"], told["progress"]) == ("running", {"what": "frames", "done": 3, "total": 10})
        second, third = sent(jobs, "a"), sent(jobs, "b")
        assert [jobs.status(job)["before"] for job in (second, third)] == [1, 2]
        jobs.give_up(second)
        assert jobs.status(third)["before"] == 1 and jobs.find(second.key) is None and not second.folder.exists()


def test_one_that_runs_is_broken_off_with_its_process_and_the_next_goes_on():
    with queue() as jobs:
        stuck, after = sent(jobs, "stuck"), sent(jobs, "a")
        until(lambda: (stuck.folder / "progress.json").exists())
        jobs.give_up(stuck)
        assert jobs.find(stuck.key) is None
        until(lambda: ended(after))
        assert after.state is State.DONE and not stuck.folder.exists()


def test_a_dead_process_and_a_bad_file_fail_alone():
    with queue() as jobs:
        many = [sent(jobs, name) for name in ("dies", "bad.mp4", "good")]
        until(lambda: all(map(ended, many)))
        assert [one.state for one in many] == [State.FAILED, State.FAILED, State.DONE]
        assert "the worker process died" in jobs.status(many[0])["error"]
        assert jobs.status(many[1])["error"] == "bad.mp4: cannot be read as a video"


def test_two_processes_work_at_once_and_begin_in_the_order_of_arrival():
    with queue(workers=2) as jobs:
        first, second = sent(jobs, "stuck 1"), sent(jobs, "stuck 2")
        until(lambda: all(jobs.status(job).get("progress") for job in (first, second)))
        many = [sent(jobs, f"clip{k}.mp4") for k in range(6)]
        assert [jobs.status(job)["before"] for job in many] == [2, 3, 4, 5, 6, 7]
        jobs.give_up(second)
        until(lambda: all(map(ended, many)))
        assert first.state is State.RUNNING and {job.state for job in many} == {State.DONE}
        assert sorted(many, key=lambda job: job.since) == many, "the one process that is free takes them in order"
        jobs.give_up(first)
        until(lambda: not list(first.folder.parent.glob(f"{first.folder.name}*")))


def test_of_two_processes_a_dead_one_is_replaced_and_costs_one_upload():
    with queue(workers=2) as jobs:
        many = [sent(jobs, name) for name in ("dies 1", "a", "dies 2", "b", "dies 3", "c", "d")]
        until(lambda: all(map(ended, many)))
        assert [job.state is State.FAILED for job in many] == [True, False] * 3 + [False]
        assert all("the worker process died" in jobs.status(job)["error"] for job in many[:6:2])


def test_an_upload_that_meets_a_dead_process_is_done_by_the_next(monkeypatch):
    """A process may be killed while it waits: the upload that comes then was not the reason."""
    pids: list[int] = []

    @contextmanager
    def watched(workers: int) -> Iterator[object]:
        with worker_pool(workers) as pool:
            pids.append(pool.submit(os.getpid).result())
            yield pool

    monkeypatch.setattr(queueing, "worker_pool", watched)
    with queue() as jobs:
        first = sent(jobs, "a")
        until(lambda: ended(first))
        os.kill(pids[0], signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pids[0]}").exists())
        second = sent(jobs, "b")
        until(lambda: ended(second))
        assert (second.state, len(pids)) == (State.DONE, 2)


class Waiting(Jobs):
    """A queue whose processes do not exist: who may take the next upload is asked of it directly."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Limits(), lambda job: Task(job.source, job.name, 1.0), work)


def test_a_process_that_still_loads_leaves_the_upload_to_one_that_is_free(place):
    jobs, loading, free = Waiting(place), Future[None](), Future[None]()
    free.set_result(None)
    jobs._free += [loading, free]
    assert not jobs._may_take(free), "there is none"
    sent(jobs, "a")
    assert jobs._may_take(free) and not jobs._may_take(loading)
    jobs._free.remove(free)
    assert jobs._may_take(loading), "nobody else is there"


def test_where_no_process_can_be_started_it_is_tried_again(monkeypatch, caplog):
    started = []

    @contextmanager
    def sometimes(workers: int) -> Iterator[object]:
        started.append(workers)
        if len(started) == 1:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        with worker_pool(workers) as pool:
            yield pool

    monkeypatch.setattr(queueing, "worker_pool", sometimes)
    monkeypatch.setattr(queueing, "_PAUSE", 0.01)
    with queue() as jobs:
        job = sent(jobs, "a")
        until(lambda: ended(job))
        assert job.state is State.DONE and len(started) == 2
    assert "the worker process: " in caplog.text


def cannot_load(model: Path | None, device: str, workers: int) -> None:
    raise InputError("device cuda: there is none")


def test_models_that_cannot_be_loaded_are_told_before_the_first_upload(caplog):
    with job_queue(Limits(), run=work, prepare=cannot_load):
        until(lambda: "the models cannot be loaded: device cuda: there is none" in caplog.text)


def test_models_whose_loading_was_broken_off_by_the_end_are_not_told_as_faulty(caplog):
    broken_off = Future()
    broken_off.set_exception(RuntimeError("an import was broken off"))
    with queue(Limits()) as jobs:
        jobs.close()
        jobs._loaded(broken_off)
    assert "cannot be loaded" not in caplog.text


def test_work_that_takes_too_long_is_given_up():
    with queue(Limits(minutes=0.02)) as jobs:
        stuck, after = sent(jobs, "stuck"), sent(jobs, "a")
        until(lambda: ended(after) or after.state is State.FAILED)
        assert stuck.state is State.FAILED and "longer than 0.02 minutes" in jobs.status(stuck)["error"]


def test_a_full_queue_takes_no_more_until_there_is_room():
    with queue(Limits(waiting=2)) as jobs:
        running = sent(jobs, "stuck")
        until(lambda: running.state is State.RUNNING)
        places = [jobs.begin("a"), jobs.begin("b")]
        with pytest.raises(Full, match="2 recordings are waiting"):
            jobs.begin("c")
        jobs.give_up(places[0])
        assert jobs.begin("c").state is State.UPLOADING
        with pytest.raises(InputError, match="of files of poses only"):
            jobs.begin("a.pt")


def test_an_upload_that_is_given_up_before_it_is_there_never_runs():
    with queue() as jobs:
        job = jobs.begin("a")
        jobs.give_up(job)
        jobs.uploaded(job)
        jobs.give_up(job)
        after = sent(jobs, "b")
        until(lambda: ended(after))
        assert job.state is State.UPLOADING and not job.folder.exists()


def test_results_are_deleted_when_they_are_old():
    with queue(Limits(keep=15)) as jobs:
        done, failed = sent(jobs, "a"), sent(jobs, "bad")
        until(lambda: ended(done) and ended(failed))
        jobs.sweep(done.since + 14.9 * 60)
        assert jobs.find(done.key) is done
        jobs.sweep(failed.since + 15.1 * 60)
        assert jobs.find(done.key) is None and jobs.find(failed.key) is None and not done.folder.exists()


def test_what_a_killed_server_left_is_removed_by_the_next_and_a_living_ones_is_not(place):
    def server() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", LIVES_ON], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=os.environ | {"TMPDIR": str(place)}, cwd=Path(__file__).parents[3],
        )  # fmt: skip

    living, killed = server(), server()
    folders = [Path(one.stdout.readline().strip()) for one in (living, killed)]  # type: ignore[union-attr]
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    (place / "slt-serve-link").symlink_to(place)
    for folder in folders:
        os.utime(folder, (0, 0))
    try:
        with private_folder() as mine:
            assert mine.exists() and folders[0].exists() and not folders[1].exists()
    finally:
        living.communicate()
    assert [path.name for path in place.iterdir()] == ["slt-serve-link"]
