"""The server: what it answers, and above all what it does not."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from slt.serve.app import make_app
from slt.serve.guard import HEADERS
from slt.serve.jobs import Jobs, State
from slt.serve.limits import Limits
from slt.serve.uploads import KIND
from slt.serve.work import RESULTS
from tests.slt.serve.fakes import queue, running, until

LIMITS = Limits(megabytes=1, waiting=20, silence=0.5)
SENT = {"content-type": KIND}
TLS = ssl.create_default_context()  # one for all clients: each would read the certificates anew


@pytest.fixture(scope="module", name="jobs")
def _jobs() -> Iterator[Jobs]:
    with queue(LIMITS) as jobs:
        yield jobs


@pytest.fixture(name="client")
def _client(jobs: Jobs) -> TestClient:
    return TestClient(make_app(jobs, LIMITS), base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


def send(client: TestClient | httpx.Client, name: str, content: bytes = b"pictures") -> str:
    answer = client.post("/api/jobs", params={"name": name}, content=content, headers=SENT)
    assert answer.status_code == 201, answer.text
    key: str = answer.json()["key"]
    return key


def finished(client: TestClient | httpx.Client, key: str) -> dict[str, str]:
    until(lambda: client.get(f"/api/jobs/{key}").json()["state"] in ("done", "failed"))
    told: dict[str, str] = client.get(f"/api/jobs/{key}").json()
    return told


def folders(jobs: Jobs) -> int:
    return len([path for path in jobs._folder.iterdir() if path.is_dir()])


def test_the_page_and_its_parts_carry_the_headers(client):
    for address in ("/", "/app.js", "/app.css", "/viewer.js", "/viewer.css", "/api/about", "/nothing"):
        answer = client.get(address)
        assert answer.status_code == (404 if address == "/nothing" else 200)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "access-control-allow-origin" not in answer.headers
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    page = client.get("/").text
    assert "style=" not in page and "onclick" not in page and "http" not in page, "the policy would refuse these"


def test_an_upload_becomes_results_under_its_own_name(client):
    key = send(client, "my talk.mp4", b"abc")
    assert finished(client, key) == {"state": "done", "name": "my talk.mp4"}
    digest = hashlib.sha256(b"abc").hexdigest()
    for name, kind in RESULTS.items():
        answer = client.get(f"/api/jobs/{key}/{name}")
        assert answer.text == f"{name} of my talk.mp4, {digest}" and answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"].startswith('attachment; filename="my_talk.')
    assert client.get(f"/api/jobs/{key}/scene.json").json()["name"] == "my talk.mp4"
    assert client.delete(f"/api/jobs/{key}").status_code == 204
    assert client.get(f"/api/jobs/{key}/result.json").status_code == 404 == client.get(f"/api/jobs/{key}").status_code
    assert client.delete(f"/api/jobs/{key}").status_code == 404


def test_a_bad_file_is_one_line(client):
    told = finished(client, send(client, "bad.mp4"))
    assert told == {"state": "failed", "name": "bad.mp4", "error": "bad.mp4: cannot be read as a video"}


@pytest.mark.parametrize(
    "address",
    ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/../app.py", "/app.py", "//etc/passwd", "/api/jobs",
     "/api/jobs/", "/api/jobs/x", "/docs", "/openapi.json", "/index.html", "/%00", "/viewer.js/x"],
)  # fmt: skip
def test_nothing_else_is_there(client, address):
    answer = client.get(address)
    assert answer.status_code in (404, 405) and set(answer.json()) == {"error"}


def test_of_a_job_only_its_results_are_there(client, jobs):
    key = send(client, "a.mp4")
    finished(client, key)
    job = jobs.find(key)
    (job.folder / "secret.txt").write_text("x")
    (job.folder.parent / "other.txt").write_text("x")
    names = ("secret.txt", "progress.json", "upload.mp4", "..", "../other.txt", "%2e%2e%2fother.txt", "..%2fother.txt",
             "result.json%00.txt", "/etc/passwd", "%2fetc%2fpasswd", "result.json/x", "")  # fmt: skip
    for name in names:
        assert client.get(f"/api/jobs/{key}/{name}").status_code in (404, 405), name
    assert client.get(f"/api/jobs/{job.folder.name}").status_code == 404, "the folder's name is no key"
    (job.folder.parent / "other.txt").unlink()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8000", "[", ""])
def test_a_foreign_name_is_refused(client, host):
    for method, address in (("GET", "/"), ("GET", "/api/about"), ("POST", "/api/jobs")):
        answer = client.request(method, address, headers={"host": host})
        assert answer.status_code == 403 and "not known by that name" in answer.json()["error"]


def test_addresses_in_digits_this_machines_names_and_those_allowed_are_known(jobs):
    client = TestClient(make_app(jobs, LIMITS, names=["Signs.Example"]), base_url="http://127.0.0.1")
    for host in (
        "127.0.0.1",
        "10.1.2.3:80",
        "[::1]:8000",
        "localhost:1",
        "LOCALHOST",
        socket.gethostname(),
        "signs.example",
    ):
        assert client.get("/api/about", headers={"host": host}).status_code == 200, host


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://["}, {"origin": "http://127.0.0.1:9999"},
     {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}],
)  # fmt: skip
def test_a_page_of_another_site_may_ask_nothing(client, jobs, headers):
    before = folders(jobs)
    answer = client.post("/api/jobs", content=b"x", headers=SENT | headers)
    assert answer.status_code == 403 and "another site" in answer.json()["error"] and folders(jobs) == before
    assert client.get("/", headers=headers).status_code == 403
    assert client.options("/api/jobs", headers=headers).status_code == 403
    own = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
    assert client.get("/api/about", headers=own).status_code == 200


def test_a_form_of_another_kind_is_no_upload(client, jobs):
    before = folders(jobs)
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", ""):
        answer = client.post("/api/jobs", content=b"x", headers={"content-type": kind})
        assert answer.status_code == 400 and "an upload is the bytes of one file" in answer.json()["error"]
    for length in ("-1", "x", "1_000", "²"):
        answer = client.post("/api/jobs", content=b"x", headers=SENT | {"content-length": length.encode("utf-8")})
        assert answer.status_code == 400
    assert folders(jobs) == before


def test_an_upload_that_is_too_large_is_not_kept_even_if_it_does_not_say_so(client, jobs):
    before = folders(jobs)

    def without_length() -> Iterator[bytes]:
        for _ in range(20):
            yield bytes(100_000)

    for content in (bytes(LIMITS.size + 1), without_length()):
        answer = client.post("/api/jobs?name=a.mp4", content=content, headers=SENT)
        assert answer.status_code == 413 and answer.json()["error"] == (
            "the file is larger than 1 MB; cut it, or make it smaller"
        )
    assert folders(jobs) == before
    assert finished(client, send(client, "just.mp4", bytes(LIMITS.size)))["state"] == "done"


def test_nothing_and_kinds_that_are_not_taken_are_one_line(client, jobs):
    before = folders(jobs)
    assert client.post("/api/jobs?name=a.mp4", content=b"", headers=SENT).json() == {"error": "the file is empty"}
    answer = client.post("/api/jobs?name=x.pt", content=b"x", headers=SENT)
    assert answer.status_code == 400 and "x.pt: of files of poses only" in answer.json()["error"]
    assert folders(jobs) == before


def test_an_upload_that_stops_or_breaks_off_leaves_nothing(jobs):
    before = folders(jobs)
    head = (
        f"POST /api/jobs?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {KIND}\r\nContent-Length: 100\r\n\r\n"
    )
    with running(jobs, LIMITS) as server:
        place = urlsplit(server.address)
        with socket.create_connection((place.hostname, place.port)) as slow:
            slow.sendall(head.encode() + b"half")
            slow.settimeout(20)
            answer = slow.recv(10_000)
            assert b" 400 " in answer and b"the upload stopped for 0.5 s" in answer + slow.recv(10_000)
        with socket.create_connection((place.hostname, place.port)) as gone:
            gone.sendall(head.encode() + b"half")
            until(lambda: folders(jobs) > before)
        until(lambda: folders(jobs) == before)


def test_an_upload_in_drops_does_not_hold_its_place_for_ever(jobs):
    before, limits = folders(jobs), Limits(silence=0.5, minutes=0.02)
    lines = ("POST /api/jobs?name=a.mp4 HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {KIND}", "Content-Length: 1000")
    with running(jobs, limits) as server:
        place = urlsplit(server.address)
        with socket.create_connection((place.hostname, place.port)) as slow:
            slow.sendall("\r\n".join([*lines, "", ""]).encode())
            slow.settimeout(0.2)
            for _ in range(100):
                slow.sendall(b"x")
                try:
                    answer = slow.recv(10_000)
                    break
                except TimeoutError:
                    continue
            assert b" 400 " in answer
        until(lambda: folders(jobs) == before)


@pytest.mark.parametrize("workers", [1, 2])
def test_fifty_uploads_at_once_and_each_gets_its_own(workers):
    limits = Limits(megabytes=1)
    with queue(limits, workers=workers) as jobs, running(jobs, limits) as server, ThreadPoolExecutor(50) as pool:

        def one(number: int) -> bool:
            with httpx.Client(base_url=server.address, timeout=60, verify=TLS) as client:
                content = bytes([number]) * 200_000
                key = send(client, f"clip{number}.mp4", content)
                finished(client, key)
                text = client.get(f"/api/jobs/{key}/result.json").text
                return text == f"result.json of clip{number}.mp4, {hashlib.sha256(content).hexdigest()}"

        assert all(pool.map(one, range(50)))


def test_one_more_than_the_queue_holds_is_told_to_come_later():
    limits = Limits(waiting=2)
    with queue(limits) as jobs:
        client = TestClient(make_app(jobs, limits), base_url="http://127.0.0.1")
        first = send(client, "stuck")
        until(lambda: jobs.find(first).state is State.RUNNING)
        keys = [send(client, "a"), send(client, "b")]
        answer = client.post("/api/jobs", content=b"x", headers=SENT)
        assert answer.status_code == 503 and "try again" in answer.json()["error"]
        assert client.get(f"/api/jobs/{keys[1]}").json()["before"] == 2
        assert client.delete(f"/api/jobs/{first}").status_code == 204
        assert [finished(client, key)["state"] for key in keys] == ["done", "done"]


def test_a_full_disk_and_a_defect_are_one_line_without_a_path(client, jobs, monkeypatch):
    def full(name: str) -> None:
        raise OSError(28, "No space left on device", "/secret/place")

    monkeypatch.setattr(jobs, "begin", full)
    answer = client.post("/api/jobs", content=b"x", headers=SENT)
    assert answer.status_code == 507 and "the disk is full" in answer.text and "/secret" not in answer.text

    def wrong(name: str) -> None:
        raise KeyError("/secret/place")

    monkeypatch.setattr(jobs, "begin", wrong)
    answer = client.post("/api/jobs", content=b"x", headers=SENT)
    assert answer.status_code == 500 and "/secret" not in answer.text and "Traceback" not in answer.text
