"""A blob is there whole, under the hash of its bytes, or not at all."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from bench.blobs import BlobStore
from bench.errors import UserError

DATA = b"a clip" * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_a_blob_lies_under_the_hash_of_its_bytes(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    assert store.add_bytes(DATA) == SHA256
    assert store.path(SHA256) == tmp_path / SHA256[:2] / SHA256
    assert store.path(SHA256).read_bytes() == DATA
    assert SHA256 in store
    assert list(store) == [SHA256]


def test_the_same_content_is_stored_once(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    store.add_bytes(DATA)
    before = store.path(SHA256).stat().st_ino
    store.add_bytes(DATA)
    assert files(tmp_path) == [store.path(SHA256)]
    assert store.path(SHA256).stat().st_ino == before


def test_a_writer_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        path.write_bytes(DATA[:10])
        raise RuntimeError("encoder stopped")

    with pytest.raises(RuntimeError, match="encoder stopped"):
        BlobStore(tmp_path).add(write)
    assert files(tmp_path) == []
    assert list(BlobStore(tmp_path)) == []


def test_a_full_disk_is_said_in_one_line_and_leaves_nothing_behind(tmp_path: Path) -> None:
    def write(path: Path) -> None:
        path.write_bytes(DATA[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(UserError, match=r"no space left under .*--home"):
        BlobStore(tmp_path).add(write)
    assert files(tmp_path) == []


def test_a_disk_that_is_full_only_when_synced_leaves_no_blob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bench.blobs.os.fsync", full)
    with pytest.raises(UserError, match="no space left"):
        BlobStore(tmp_path).add_bytes(DATA)
    assert files(tmp_path) == []


def test_a_blob_whose_bytes_changed_is_found(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    whole = store.add_bytes(b"whole")
    store.add_bytes(DATA)
    store.path(SHA256).write_bytes(DATA[:-1])
    assert list(store.damaged()) == [SHA256]
    assert whole in store
