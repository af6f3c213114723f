"""A test set is published whole or not at all, resumes, and keeps each version's content: against a local hub."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.errors import UserError
from tests import fake_hub
from tests.fake_hub import Hub
from tests.fixtures import make_testset
from testset.card import write_card
from testset.push import push as publish

REPO = "my-lab/toy-set"


@pytest.fixture(scope="module")
def carded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    make_testset(folder)
    write_card(folder)
    return folder


@pytest.fixture
def folder(carded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(carded, tmp_path / "set"))


@pytest.fixture
def hub() -> Iterator[Hub]:
    with fake_hub.running() as found:
        yield found


def push(folder: Path, hub: Hub, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, whose hub is the fake one."""
    known = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(folder.parent / "home"), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(
        [sys.executable, "-m", "bench.cli", "testset", "push", "--testset", str(folder), "--repo", REPO, *options],
        capture_output=True,
        text=True,
        env=known | own | {"HF_TOKEN": fake_hub.TOKEN} | environment,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_set_is_published_with_its_card_and_tagged_and_a_second_time_sends_nothing(folder: Path, hub: Hub) -> None:
    whole = contents(folder)
    for stray in (".DS_Store", "aux/clip0.npz"):  # a file manager's, and what `build --aux` writes
        (folder / stray).parent.mkdir(exist_ok=True)
        (folder / stray).write_bytes(b"not part of the set")
    done = push(folder, hub)
    assert done.returncode == 0, done.stderr
    assert f"are at {hub.url}/datasets/{REPO}/commit/" in done.stdout
    assert hub.tree(REPO) == whole | {".gitattributes": b"*.mp4 filter=lfs\n"}
    assert hub.tree(REPO, "1.0") == hub.tree(REPO)
    sent, commits = len(hub.uploads), len(hub.repos[REPO])
    assert push(folder, hub).returncode == 0
    assert (len(hub.uploads), len(hub.repos[REPO])) == (sent, commits)


def test_an_upload_that_broke_off_goes_on_where_it_stopped(folder: Path, hub: Hub) -> None:
    hub.refuse_uploads_after = 5
    broken = push(folder, hub)
    assert broken.returncode == 2
    assert "the same command goes on" in broken.stderr
    assert len(hub.repos[REPO]) == 1  # the empty one: nothing half published
    hub.refuse_uploads_after = None
    assert push(folder, hub).returncode == 0
    again = len(hub.uploads) - len(set(hub.uploads))
    assert again < 5  # only what was on its way when it broke; starting over would send all five again
    assert len(set(hub.uploads)) > 5
    assert hub.tree(REPO).keys() >= contents(folder).keys()


def test_a_published_version_keeps_its_cases_but_its_card_may_be_mended(folder: Path, hub: Hub) -> None:
    assert push(folder, hub).returncode == 0
    info = json.loads((folder / "testset.json").read_text())
    (folder / "testset.json").write_text(json.dumps(info | {"description": "Squares."}))
    write_card(folder)
    assert push(folder, hub).returncode == 0
    assert b"Squares." in hub.tree(REPO)["README.md"]
    assert b"Squares." not in hub.tree(REPO, "1.0")["README.md"]
    path = folder / "cases.jsonl"
    path.write_text(path.read_text().replace("a red square", "a crimson square"))
    write_card(folder)
    refused = push(folder, hub)
    assert refused.returncode == 2
    assert f"{REPO} has version 1.0 with other cases" in refused.stderr
    (folder / "testset.json").write_text(json.dumps(info | {"version": "1.1"}))
    write_card(folder)
    assert push(folder, hub).returncode == 0
    assert b"crimson" in hub.tree(REPO, "1.1")["cases.jsonl"]
    assert b"crimson" not in hub.tree(REPO, "1.0")["cases.jsonl"]


def test_a_dry_run_and_a_missing_token_send_nothing(folder: Path, hub: Hub) -> None:
    dry = publish(folder, REPO, dry_run=True)
    assert (set(dry.files), dry.url) == (set(contents(folder)), None)
    assert dry.size == sum(map(len, contents(folder).values()))
    bare = push(folder, hub, HF_TOKEN="")
    assert (bare.returncode, bare.stderr.count("\n")) == (2, 1)
    assert "no token for the hub: run `hf auth login`, or set HF_TOKEN" in bare.stderr
    assert hub.requests == []


def test_a_token_that_may_not_write_is_one_line(folder: Path, hub: Hub) -> None:
    hub.refuse_writing = True
    done = push(folder, hub)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "the hub answered 403; use a token that may write to it" in done.stderr


def test_a_hub_that_is_not_there_is_one_line(folder: Path, hub: Hub) -> None:
    done = push(folder, hub, HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 2
    assert "the upload broke off" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_what_may_not_be_published_is_refused_before_anything_is_sent(folder: Path, hub: Hub) -> None:
    with pytest.raises(UserError, match="--repo nowhere: wanted ORG/NAME"):
        publish(folder, "nowhere")
    path = folder / "cases.jsonl"
    path.write_text(path.read_text().replace('"split":"dev"', '"split":"hidden"'))
    write_card(folder)
    with pytest.raises(UserError, match="holds the split 'hidden', which is never published"):
        publish(folder, REPO)
    (folder / "clips" / "0.mp4").unlink()
    refused = push(folder, hub)
    assert refused.returncode == 2
    assert "faults, first: clips/0.mp4 (source of clip0-product): missing" in refused.stderr
    assert hub.requests == []


def test_a_set_without_a_card_is_told_to_write_one(toyset: Path) -> None:
    with pytest.raises(UserError, match="has no card; write it with `bench testset card`"):
        publish(toyset, REPO)
