"""Publish a test set on a dataset hub: whole, checked, and each version with one content for ever."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UserError
from bench.types import TestSet
from testset.card import README, shipped
from testset.check import faults

if TYPE_CHECKING:
    from huggingface_hub import HfApi

RECORDS = "cases.jsonl"
"""Pins every clip by its sha256, and so is the content of a version."""
SECRET = "hidden"
"""The split that is never published."""
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What was, or in a dry run would be, published."""

    repo: str
    files: tuple[str, ...]
    size: int
    """Bytes."""
    url: str | None = None
    """Of the commit; None in a dry run."""


def push(folder: Path, repo: str, *, private: bool = False, dry_run: bool = False) -> Pushed:
    """Upload a test set's folder to the dataset repository ORG/NAME and tag it with the version.

    Made again, it uploads what has changed or was not yet there, and nothing else. Raises `UserError`, before anything
    is sent, for a set with faults, without a card or with the hidden split, for a missing token and for a version that
    was published with other cases; and where the hub refuses or cannot be reached.
    """
    if not _REPO.fullmatch(repo):
        raise UserError(f"--repo {repo}: wanted ORG/NAME, e.g. my-lab/shopedit-300")
    testset = _publishable(folder)
    files = tuple(shipped(folder))
    size = sum((folder / name).stat().st_size for name in files)
    if dry_run:
        return Pushed(repo, files, size)
    api = _api()
    with _plain_errors(repo):
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
        tagged = _tagged(api, repo, testset, folder)
        commit = api.upload_folder(
            repo_id=repo,
            repo_type="dataset",
            folder_path=folder,
            allow_patterns=list(files),
            delete_patterns=["clips/*", "pictures/*", "*.parquet"],  # what an earlier version had and this one lacks
            commit_message=f"{testset.name} {testset.version}",
        )
        if not tagged:
            api.create_tag(repo, tag=testset.version, revision=commit.oid, repo_type="dataset")
    return Pushed(repo, files, size, str(commit.commit_url))


def _publishable(folder: Path) -> TestSet:
    """Return the test set, or say why it may not be published."""
    testset, found = faults(folder)
    if found:
        raise UserError(f"{folder}: {len(found)} faults, first: {found[0]}; `bench testset check` lists them")
    if not (folder / README).is_file():
        raise UserError(f"{folder}: has no card; write it with `bench testset card`")
    if SECRET in testset.splits:
        raise UserError(f"{folder}: holds the split '{SECRET}', which is never published; build the set without it")
    return testset


def _api() -> HfApi:
    try:
        from huggingface_hub import HfApi, get_token
    except ModuleNotFoundError:
        raise UserError('push needs huggingface_hub: pip install "shopedit-bench[hub]"') from None
    token = get_token()
    if token is None:
        raise UserError("no token for the hub: run `hf auth login`, or set HF_TOKEN to one that may write")
    return HfApi(token=token)


def _tagged(api: HfApi, repo: str, testset: TestSet, folder: Path) -> bool:
    """Return whether this version is published already; `UserError` where it is, with other cases."""
    tags = {tag.name for tag in api.list_repo_refs(repo, repo_type="dataset").tags}
    if testset.version not in tags:
        return False
    there = api.get_paths_info(repo, [RECORDS], revision=testset.version, repo_type="dataset")
    data = (folder / RECORDS).read_bytes()
    here = {hashlib.sha256(data).hexdigest(), hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}
    published = {digest for file in there for digest in (file.blob_id, file.lfs.sha256 if file.lfs else None)}
    if not here & published:
        raise UserError(
            f"{repo} has version {testset.version} with other cases, and published versions do not change; "
            "raise the version in testset.json"
        )
    return True


@contextmanager
def _plain_errors(repo: str) -> Iterator[None]:
    """Turn what the hub or the network raises into one line."""
    from huggingface_hub.errors import HfHubHTTPError, HTTPError

    again = "nothing that was sent is lost, the same command goes on"
    try:
        yield
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "an error"
        if status in (401, 403):
            raise UserError(f"{repo}: the hub answered {status}; use a token that may write to it") from error
        raise UserError(f"{repo}: the hub answered {status}; {again}") from error
    except (HTTPError, OSError, RuntimeError) as error:
        cause = error.__cause__ or error
        raise UserError(f"{repo}: the upload broke off ({' '.join(str(cause).split())[:120]}); {again}") from error
