"""The web server of the board: Streamlit's app, without the waits that its own server has before a page is there."""

from __future__ import annotations

import gc
import mimetypes
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

ELEMENTS = ("BidiComponent", "Button", "ButtonGroup", "Checkbox", "Multiselect", "Selectbox", "TextInput")
"""Streamlit's scripts of the elements that the first page has."""
_IMPORTED = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')
_PING_SECONDS = 30
_GRACE_SECONDS = 3


def serve(script: Path, host: str, port: int) -> None:
    """Serve the board until the process is told to end.

    Streamlit's own server hands uvicorn a socket that does not say that it is TCP; asyncio then leaves Nagle's
    algorithm on, and each of a page's hundred scripts waits up to 40 ms for an acknowledgement
    (https://github.com/Kludex/uvicorn/issues/3149). A socket that uvicorn opens itself does not.
    """
    import streamlit as st
    import uvicorn
    from starlette.middleware import Middleware
    from streamlit.web.bootstrap import load_config_options

    folder = Path(st.__file__).with_name("static")
    app = st.App(script, middleware=[Middleware(Assets, folder=folder)])
    # After the app, which says where its configuration lies. Who may submit and vote hangs on the address.
    load_config_options({"server.address": host, "server.port": port})
    uvicorn.run(
        app,
        host=host,
        port=port,
        ws="websockets-sansio",
        ws_max_size=st.get_option("server.maxMessageSize") * 2**20,
        ws_per_message_deflate=st.get_option("server.enableWebsocketCompression"),
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        ssl_certfile=st.get_option("server.sslCertFile"),
        ssl_keyfile=st.get_option("server.sslKeyFile"),
        timeout_graceful_shutdown=_GRACE_SECONDS,
        log_level="warning",
    )


@cache
def keep_loaded() -> None:
    """Take all that is loaded by now out of the garbage collector's way, once.

    Streamlit collects garbage after every run of a page; while a million objects of the libraries are looked at, what
    the page has drawn is not sent.
    """
    gc.collect()
    gc.freeze()


class Assets:
    """Answers with Streamlit's scripts, styles and fonts from memory, and names those that a page will need.

    Their names hold a hash of what they are, so that they never change under a browser that keeps them.
    """

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self._app = app
        self._files = {f"/{path.relative_to(folder).as_posix()}": path for path in (folder / "static").rglob("*.*")}
        self._held: dict[str, tuple[bytes, list[tuple[bytes, bytes]]]] = {}
        names = later_scripts(folder)
        links = ", ".join(f"<./static/js/{name}>; rel=modulepreload; crossorigin" for name in names)
        self._links = (b"link", links.encode("ascii"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let Streamlit answer it."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self._app(scope, receive, send)
        elif scope["path"] in self._files:
            body, headers = self._read(scope["path"])
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await self._app(scope, receive, self._with_links(send))

    def _read(self, name: str) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        if name not in self._held:
            body = self._files[name].read_bytes()
            kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
            headers = {
                "content-type": kind,
                "content-length": str(len(body)),
                "cache-control": "public, immutable, max-age=31536000",
            }
            self._held[name] = body, [(key.encode("ascii"), value.encode("ascii")) for key, value in headers.items()]
        return self._held[name]

    def _with_links(self, send: Send) -> Send:
        """Return a `send` that adds to a document which scripts to fetch while the first ones are read."""

        async def sent(message: Message) -> None:
            headers: list[Any] = list(message.get("headers", ()))
            if any(name == b"content-type" and kind.startswith(b"text/html") for name, kind in headers):
                message = {**message, "headers": [*headers, self._links]}
            await send(message)

        return sent


def later_scripts(folder: Path) -> list[str]:
    """Return the scripts of `ELEMENTS` with all that they import, less what the document of `folder` names itself.

    Without them the browser learns of each only when an element of its kind is first drawn.
    """
    scripts = folder / "static" / "js"
    document = (folder / "index.html").read_text(encoding="utf-8")
    found: dict[str, None] = {}

    def add(names: Iterable[str]) -> None:
        for name in names:
            if name not in found and name not in document:
                found[name] = None
                add(_IMPORTED.findall((scripts / name).read_text(encoding="utf-8")))

    for element in ELEMENTS:
        add(path.name for path in sorted(scripts.glob(f"{element}.*.js")))
    return list(found)
