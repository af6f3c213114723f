"""One HTTP request with a deadline for all of it, where the library's time limit is per read."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from bench.errors import CaseFailed

_BLOCK = 1 << 16


def call(url: str, body: bytes, kind: str, seconds: float, most: int) -> bytes:
    """POST a body of the given content type and return the answer's, of at most `most` bytes.

    Raises CaseFailed where the server cannot be reached, answers with anything but 200, breaks off, sends too much, or
    is not done within `seconds`. Redirections are not followed: only the address that was named is asked.
    """
    parts = urlsplit(url)
    make = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=seconds)
    expired = threading.Event()

    timer = None
    try:
        connection.connect()
        # The socket itself, because a connection that will close gives it away with the answer.
        timer = threading.Timer(seconds, _break_off, (connection.sock, expired))
        timer.start()
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, {"Content-Type": kind, "Accept": "video/mp4"})
        answer = connection.getresponse()
        data = bytearray()
        while block := answer.read(_BLOCK):
            data += block
            if len(data) > most:
                raise CaseFailed(f"{url} sent more than {most} bytes")
        wanted = answer.getheader("Content-Length")
    except (OSError, HTTPException) as error:
        if expired.is_set() or isinstance(error, TimeoutError):
            raise CaseFailed(f"{url} took longer than {seconds:g} s") from None
        raise CaseFailed(f"{url} cannot be asked ({type(error).__name__}: {error})") from error
    finally:
        if timer is not None:
            timer.cancel()
        connection.close()
    if expired.is_set():
        raise CaseFailed(f"{url} took longer than {seconds:g} s")
    if answer.status != 200:
        text = " ".join(bytes(data[:300]).decode("utf-8", errors="replace").split())
        raise CaseFailed(f"{url} answered {answer.status}: {text or answer.reason}")
    if wanted is not None and len(data) < int(wanted):
        raise CaseFailed(f"{url} broke off after {len(data)} of {wanted} bytes")
    return bytes(data)


def _break_off(sock: socket.socket, expired: threading.Event) -> None:
    expired.set()
    with suppress(OSError):  # closed in this very moment
        sock.shutdown(socket.SHUT_RDWR)
