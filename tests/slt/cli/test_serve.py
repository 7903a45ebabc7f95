"""`slt serve` as a program: it starts, answers, and leaves nothing when it is ended."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from skeletor.support.errors import InputError, MissingDependency
from slt.cli.serve import check_packages, main
from slt.serve.server import is_local

ROOT = Path(__file__).parents[3]


def test_it_serves_until_it_is_ended_and_leaves_nothing(model, tmp_path):
    command = [sys.executable, "-m", "slt", "serve", "--port", "0", "--model", str(model), "--max-mb", "3"]
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        line = server.stdout.readline()  # type: ignore[union-attr]
        (address,) = re.findall(r"^(http://127\.0\.0\.1:\d+)  \(Ctrl-C ends it\)$", line)
        about = httpx.get(f"{address}/api/about").json()
        assert about["megabytes"] == 3 and about["local"] and not about["rendered"]
        sent = httpx.post(f"{address}/api/jobs", content=b"x", headers={"content-type": "application/octet-stream"})
        assert sent.status_code == 201 and list(tmp_path.glob("slt-serve-*/*/upload.video"))
    finally:
        server.send_signal(signal.SIGTERM)
        told = server.communicate(timeout=60)[1]
    assert server.returncode == 128 + signal.SIGTERM and told == "slt: ended by SIGTERM\n"
    assert not list(tmp_path.glob("slt-serve-*"))


def serve(*argv: object) -> int:
    return main("serve", [str(a) for a in argv], "")


def test_what_cannot_be_served_is_one_line(model, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="choose another --port"):
        serve("--model", model, "--port", taken.getsockname()[1])
    with pytest.raises(InputError, match="no such address"):
        serve("--model", model, "--host", "nowhere.invalid", "--port", "0")
    with pytest.raises(InputError):
        serve("--model", tmp_path, "--port", "0")
    with pytest.raises(InputError, match="--device tpu"):
        serve("--model", model, "--port", "0", "--device", "tpu")
    damaged = shutil.copytree(model, tmp_path / "damaged")
    (damaged / "vocabulary.txt").write_text("other")
    with pytest.raises(InputError, match=r"vocabulary\.txt is damaged"):
        serve("--model", damaged, "--port", "0")
    for option in ("--max-mb", "--max-seconds", "--max-waiting", "--max-minutes", "--keep-minutes", "--workers"):
        with pytest.raises(InputError, match=r"^(slt serve|--workers 0): "):
            serve("--model", model, option, "0")


def test_without_its_packages_it_says_how_to_get_them(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        MissingDependency, match=r"slt serve needs starlette and uvicorn: .*pip install starlette uvicorn"
    ):
        check_packages()


def test_only_this_machine_reaches_a_loopback_address():
    assert all(map(is_local, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_local, ("0.0.0.0", "::", "192.168.1.5", "example.org")))
