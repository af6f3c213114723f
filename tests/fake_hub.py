"""A dataset hub on localhost: the HTTP calls that `huggingface_hub` makes to publish a folder, answered for real.

It keeps what it is sent, so that a test can look at the repository afterwards; `refuse` makes it fail on the way.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_a_token_that_may_write"
LARGE = (".mp4", ".parquet", ".jpg")
Tree = dict[str, bytes]


def git_sha1(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Hub:
    """What the hub holds."""

    url: str = ""
    repos: dict[str, list[Tree]] = field(default_factory=dict)
    """By name, the tree after each commit."""
    tags: dict[str, dict[str, int]] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    """Uploaded large files by sha256."""
    uploads: list[str] = field(default_factory=list)
    """The sha256 of every large file that was sent, in order."""
    requests: list[str] = field(default_factory=list)
    refuse_uploads_after: int | None = None
    refuse_writing: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tree(self, repo: str, revision: str = "main") -> Tree:
        commits = self.repos[repo]
        return commits[self.tags[repo][revision]] if revision in self.tags[repo] else commits[-1]


class Answers(BaseHTTPRequestHandler):
    """One request."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def reply(self, body: Any = None, status: int = 200) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_one(self, method: str) -> None:
        hub = self.hub
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path, _, _ = self.path.partition("?")
        with hub.lock:
            hub.requests.append(f"{method} {path}")
            if path.startswith("/large/"):
                return self.take(path.removeprefix("/large/"), data)
            if self.headers.get("Authorization") not in (f"Bearer {TOKEN}", None) or hub.refuse_writing:
                return self.reply({"error": "forbidden"}, 403)
            for pattern, answer in ROUTES:
                if found := re.fullmatch(f"{method} {pattern}", f"{method} {path}"):
                    return answer(self, data, **found.groupdict())
        return self.reply({"error": f"no answer to {method} {path}"}, 404)

    def take(self, digest: str, data: bytes) -> None:
        assert hashlib.sha256(data).hexdigest() == digest
        if self.hub.refuse_uploads_after is not None and len(self.hub.uploads) >= self.hub.refuse_uploads_after:
            return self.reply({"error": "the disk is full"}, 400)
        self.hub.large[digest] = data
        self.hub.uploads.append(digest)
        return self.reply()

    def create(self, data: bytes) -> None:
        asked = json.loads(data)
        assert asked["type"] == "dataset"
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.hub.repos:
            return self.reply({"error": "exists", "url": f"{self.hub.url}/datasets/{name}"}, 409)
        self.hub.repos[name], self.hub.tags[name] = [{".gitattributes": b"*.mp4 filter=lfs\n"}], {}
        return self.reply({"url": f"{self.hub.url}/datasets/{name}", "name": name, "id": name})

    def refs(self, data: bytes, repo: str) -> None:
        branch = {"name": "main", "ref": "refs/heads/main", "targetCommit": self.commit_id(repo)}
        tags = [{"name": t, "ref": f"refs/tags/{t}", "targetCommit": self.commit_id(repo)} for t in self.hub.tags[repo]]
        self.reply({"branches": [branch], "converts": [], "tags": tags})

    def commit_id(self, repo: str) -> str:
        return hashlib.sha1(f"{repo} {len(self.hub.repos[repo])}".encode()).hexdigest()

    def entry(self, path: str, data: bytes) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": git_sha1(data)}
        if path.endswith(LARGE):
            found["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        return found

    def listing(self, data: bytes, repo: str, revision: str) -> None:
        self.reply([self.entry(*item) for item in self.hub.tree(repo, revision).items()])

    def paths_info(self, data: bytes, repo: str, revision: str) -> None:
        from urllib.parse import parse_qs

        asked = json.loads(data)["paths"] if data[:1] == b"{" else parse_qs(data.decode())["paths"]
        tree = self.hub.tree(repo, revision)
        self.reply([self.entry(path, tree[path]) for path in asked if path in tree])

    def info(self, data: bytes, repo: str, revision: str = "main") -> None:
        self.reply({"id": repo, "sha": self.commit_id(repo), "private": False, "tags": [], "downloads": 0, "likes": 0})

    def preupload(self, data: bytes, repo: str, revision: str) -> None:
        tree, files = self.hub.tree(repo), []
        for asked in json.loads(data)["files"]:
            path, mode = asked["path"], "lfs" if asked["path"].endswith(LARGE) else "regular"
            held = tree.get(path)
            oid = None if held is None else hashlib.sha256(held).hexdigest() if mode == "lfs" else git_sha1(held)
            files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.reply({"files": files})

    def batch(self, data: bytes, repo: str) -> None:
        objects = []
        for asked in json.loads(data)["objects"]:
            known = asked["oid"] in self.hub.large
            upload = {"upload": {"href": f"{self.hub.url}/large/{asked['oid']}", "header": {}}}
            objects.append(asked if known else asked | {"actions": upload})
        self.reply({"transfer": "basic", "objects": objects})

    def commit(self, data: bytes, repo: str, revision: str) -> None:
        tree = dict(self.hub.tree(repo))
        for line in data.splitlines():
            kind, value = (operation := json.loads(line))["key"], operation["value"]
            if kind == "file":
                assert value["encoding"] == "base64"
                tree[value["path"]] = base64.b64decode(value["content"])
            elif kind == "lfsFile":
                tree[value["path"]] = self.hub.large[value["oid"]]
            elif kind == "deletedFile":
                del tree[value["path"]]
        self.hub.repos[repo].append(tree)
        self.reply(
            {
                "success": True,
                "commitOid": self.commit_id(repo),
                "commitUrl": f"{self.hub.url}/datasets/{repo}/commit/{self.commit_id(repo)}",
            }
        )

    def tag(self, data: bytes, repo: str, revision: str) -> None:
        assert revision == self.commit_id(repo)
        self.hub.tags[repo][json.loads(data)["tag"]] = len(self.hub.repos[repo]) - 1
        self.reply()

    def valid_yaml(self, data: bytes) -> None:
        assert json.loads(data)["repoType"] == "dataset"
        self.reply({"errors": [], "warnings": []})

    def do_GET(self) -> None:
        """Answer."""
        self.handle_one("GET")

    def do_POST(self) -> None:
        """Answer."""
        self.handle_one("POST")

    def do_PUT(self) -> None:
        """Answer."""
        self.handle_one("PUT")


_REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
_AT = r"(?P<revision>[\w.-]+)"
ROUTES = (
    ("/api/repos/create", Answers.create),
    ("/api/validate-yaml", Answers.valid_yaml),
    (f"/api/datasets/{_REPO}/refs", Answers.refs),
    (f"/api/datasets/{_REPO}/tree/{_AT}", Answers.listing),
    (f"/api/datasets/{_REPO}/paths-info/{_AT}", Answers.paths_info),
    (f"/api/datasets/{_REPO}/preupload/{_AT}", Answers.preupload),
    (f"/api/datasets/{_REPO}/commit/{_AT}", Answers.commit),
    (f"/api/datasets/{_REPO}/tag/{_AT}", Answers.tag),
    (f"/api/datasets/{_REPO}/revision/{_AT}", Answers.info),
    (f"/api/datasets/{_REPO}", Answers.info),
    (f"/datasets/{_REPO}.git/info/lfs/objects/batch", Answers.batch),
)


@contextmanager
def running() -> Iterator[Hub]:
    """A hub on a free port of this machine while the block lasts."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Answers,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
