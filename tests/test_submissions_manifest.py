"""`submission.yaml`: what is accepted, and that every field amiss is named at once."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from submissions.manifest import MAX_BYTES, MAX_EVENTS, Manifest, read_manifest
from submissions.rules import REMEDIES
from tests.hostile_zips import MANIFEST_TEXT


def changed(old: str, new: str) -> bytes:
    text = MANIFEST_TEXT.decode()
    assert old in text
    return text.replace(old, new).encode()


def rules(data: bytes) -> set[str]:
    read = read_manifest(data)
    assert read.manifest is None
    assert read.problems
    return {p.rule for p in read.problems}


def test_a_full_manifest_is_read() -> None:
    read = read_manifest(MANIFEST_TEXT)
    assert read.problems == ()
    assert isinstance(read.manifest, Manifest)
    assert read.manifest.method.version == "1.0"
    assert read.manifest.code is None
    assert read.manifest.seconds_per_edit == 12.5


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"- a\n- list\n",
        b"just text",
        b"\xff\xfe",
        b"a: [1, 2",
        b"a: 1\n---\nb: 2\n",
        b"a: 1\na: 2\n",
        b"a: &x 1\nb: *x\n",
        b"a: !!python/object/apply:os.system ['true']\n",
        b"a: !!binary aGk=\n",
        b"? [a, b]\n: c\n",
        b"[" * 5000,
        b"a: " + b"{b: " * 20 + b"1" + b"}" * 20,
        b"a: [" + b"1," * MAX_EVENTS + b"]",
    ],
    ids=lambda data: data[:20].decode("latin-1"),
)
def test_what_is_not_plain_yaml_is_refused(data: bytes) -> None:
    assert rules(data) == {"manifest-yaml"}


def test_an_oversized_manifest_is_refused_unread() -> None:
    start = time.process_time()
    assert rules(b"[" * (MAX_BYTES + 1)) == {"manifest-size"}
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("format: 1", "format: 2"),
        ("my-editor", "My Editor"),
        ("version: 1.0, track", "version: , track"),
        ("track: text", "track: oracle"),
        ("team: A team", "team: ''"),
        ("team: A team", 'team: "A\\e[2Jteam"'),
        ("team: A team", 'team: "A \\u202emaet"'),
        ("team: A team", "team: " + "x" * 300),
        ("someone@example.org", "someone"),
        ("https://example.org/paper", "http://example.org/paper"),
        ("https://example.org/paper", "https://user:secret@example.org"),
        ("https://example.org/paper", "javascript:alert(1)"),
        ("https://example.org/paper", "https://localhost/x"),
        ("12.5", ".inf"),
        ("12.5", "nan"),
        ("12.5", "-1"),
        ("12.5", "fast"),
        ("licence: CC-BY-4.0\n", ""),
        ("model:", "modle:"),
        ("format: 1", "format: 1\nsha256: {a: 123}"),
        ("format: 1", "format: 1\naccepted: true"),
    ],
)
def test_a_field_amiss_is_named(old: str, new: str) -> None:
    read = read_manifest(changed(old, new))
    assert read.manifest is None
    for problem in read.problems:
        assert problem.rule == "manifest-field"
        assert problem.file.startswith("submission.yaml: ")
        assert problem.found and problem.limit and problem.remedy == REMEDIES["manifest-field"]
        assert (problem.file + problem.found + problem.limit).isprintable()


def test_all_fields_amiss_are_named_at_once_and_what_was_edited_is_known_all_the_same() -> None:
    read = read_manifest(changed("team: A team\ncontact: someone@example.org", "team:\ncontact: nobody"))
    assert [p.file for p in read.problems] == ["submission.yaml: team", "submission.yaml: contact"]
    assert read.edited is not None
    assert (read.edited.name, read.edited.split) == ("toy", "smoke")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_whatever_the_bytes_there_is_an_answer(data: bytes) -> None:
    read = read_manifest(data)
    assert read.manifest is None
    assert read.problems


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(sorted(Manifest.model_fields)), st.text(max_size=30) | st.lists(st.text())),
)
def test_a_problem_never_shows_what_a_terminal_or_a_page_would_obey(fields: dict[str, object]) -> None:
    import yaml

    for problem in read_manifest(yaml.safe_dump(fields, allow_unicode=True).encode()).problems:
        assert (problem.file + problem.found + problem.limit).isprintable()
