"""A small Hub on this machine: the routes that huggingface_hub calls to make, fill, list and read a repository."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlparse

Files = dict[str, bytes]


class Hub:
    """Repositories by name, each a list of commits (hash, files), newest last. log: method and path of each request.

    lies: what it answers as the commit of a revision, in place of the truth.
    """

    def __init__(self) -> None:
        self.repos: dict[str, list[tuple[str, Files]]] = {}
        self.private: dict[str, bool] = {}
        self.blobs: dict[str, bytes] = {}
        self.log: list[str] = []
        self.lies: dict[str, str] = {}
        self.after_look_up: Callable[[], None] = lambda: None
        self.address = ""

    def commit(self, repo: str, files: Files) -> str:
        """Add a commit with all these files; gives its hash."""
        commits = self.repos.setdefault(repo, [])
        digest = hashlib.sha1(f"{repo} {len(commits)}".encode())
        for name in sorted(files):
            digest.update(name.encode() + files[name])
        commits.append((digest.hexdigest(), dict(files)))
        return commits[-1][0]

    def files(self, repo: str, revision: str = "main") -> Files | None:
        """The files of a commit; None if there is no such commit."""
        sha = self.commit_of(repo, revision)
        return next((files for one, files in self.repos.get(repo, []) if one == sha), None)

    def commit_of(self, repo: str, revision: str) -> str:
        """The hash that a revision means."""
        commits = self.repos.get(repo, [])
        return commits[-1][0] if revision == "main" and commits else revision


@contextmanager
def hub_running() -> Iterator[Hub]:
    """A Hub that answers at `address` within the block."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Nothing on stderr."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlparse(self.path).path)
        self.hub.log.append(f"{self.command} {path}")
        parts = path.strip("/").split("/")
        if (
            self.command in ("POST", "PUT")
            and parts[0] != "lfs"
            and "Bearer " not in self.headers.get("Authorization", "")
        ):
            return self._send(401, {"error": "Invalid username or password."})
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return self._send(200, {"errors": [], "warnings": []})
        if parts[0] == "lfs":
            self.hub.blobs[parts[1]] = body
            return self._send(200, {})
        if parts[:1] == ["api"]:
            kind, revision, *_ = [*parts[4:], "revision", "main"][-2:] if len(parts) < 6 else parts[4:]
            return self._api("/".join(parts[2:4]), kind, revision, body)
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(json.loads(body))
        return self._resolve("/".join(parts[:2]), parts[3], "/".join(parts[4:]))

    def _create(self, asked: dict[str, Any]) -> None:
        repo = f"{asked['organization']}/{asked['name']}"
        if repo in self.hub.repos:
            return self._send(409, {"error": "You already created this model repo"})
        self.hub.private[repo] = asked.get("visibility") == "private" or asked.get("private") is True
        self.hub.commit(repo, {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"})
        return self._send(200, {"url": f"{self.hub.address}/{repo}"})

    def _api(self, repo: str, kind: str, revision: str, body: bytes) -> None:
        files = self.hub.files(repo, revision)
        if files is None:
            return self._missing("RevisionNotFound" if repo in self.hub.repos else "RepoNotFound")
        if kind == "revision":
            sha = self.hub.lies.get(revision, self.hub.commit_of(repo, revision))
            self._send(200, {"_id": "0", "id": repo, "sha": sha, "siblings": [{"rfilename": n} for n in files]})
            return self.hub.after_look_up()
        if kind == "tree":
            return self._send(200, [
                {"type": "file", "path": name, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
                for name, data in files.items()
            ])  # fmt: skip
        if kind == "preupload":
            mode = {True: "lfs", False: "regular"}
            wanted = json.loads(body)["files"]
            answer = [
                {"path": f["path"], "uploadMode": mode[f["path"].endswith(".safetensors")], "shouldIgnore": False}
                for f in wanted
            ]
            return self._send(200, {"files": answer})
        return self._commit(repo, body)

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = [
            {**one, "actions": {"upload": {"href": f"{self.hub.address}/lfs/{one['oid']}"}}} for one in asked["objects"]
        ]
        self._send(200, {"transfer": "basic", "objects": objects})

    def _commit(self, repo: str, body: bytes) -> None:
        head, *rest = [json.loads(line) for line in body.splitlines()]
        if head["value"].get("parentCommit") not in (None, self.hub.commit_of(repo, "main")):
            return self._send(412, {"error": "A commit has happened since. Please refresh and try again."})
        files = dict(self.hub.files(repo) or {})
        for line in rest:
            value = line["value"]
            if line["key"] == "deletedFile":
                del files[value["path"]]
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            else:
                files[value["path"]] = self.hub.blobs[value["oid"]]
        sha = self.hub.commit(repo, files)
        return self._send(200, {"commitUrl": f"{self.hub.address}/{repo}/commit/{sha}", "commitOid": sha})

    def _resolve(self, repo: str, revision: str, name: str) -> None:
        files = self.hub.files(repo, revision)
        if files is None or name not in files:
            return self._missing("EntryNotFound")
        headers = {"X-Repo-Commit": revision, "ETag": f'"{hashlib.sha256(files[name]).hexdigest()}"'}
        return self._bytes(200, files[name], "application/octet-stream", headers)

    def _missing(self, code: str) -> None:
        self._bytes(404, b'{"error": "not found"}', "application/json", {"X-Error-Code": code})

    def _send(self, status: int, value: object) -> None:
        self._bytes(status, json.dumps(value).encode(), "application/json", {})

    def _bytes(self, status: int, data: bytes, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
