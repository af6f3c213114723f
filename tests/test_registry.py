"""Names are found without imports; what is broken or unknown is said plainly."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from bench import registry
from bench.errors import UserError
from bench.types import MethodCard, MethodEntry


def test_listing_methods_imports_no_adapter_and_no_torch() -> None:
    code = (
        "import sys; from bench import registry; found = registry.methods(); "
        "assert found, 'no methods'; "
        "bad = [m for m in sys.modules if m.split('.')[0] in ('torch', 'diffusers', 'transformers', 'cv2', 'av')]; "
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_controls_come_first(toy: Path) -> None:
    assert list(registry.methods())[:2] == ["copy", "truth"]


@pytest.mark.parametrize(("name", "near"), [("blnd", "blend"), ("too-shrt", "too-short"), ("copi", "copy")])
def test_an_unknown_method_brings_the_nearest_names(toy: Path, name: str, near: str) -> None:
    with pytest.raises(UserError, match=f"unknown method '{name}': did you mean {near}"):
        registry.method(name)


def test_an_unknown_test_set_names_those_there_are() -> None:
    with pytest.raises(UserError, match="unknown test set 'shopedit-30': did you mean shopedit-300"):
        registry.testset("shopedit-30")


def test_a_folder_is_a_test_set(toyset: Path) -> None:
    assert registry.testset(str(toyset)).name == "toy"


def test_a_plugin_that_does_not_import_is_a_warning_and_the_others_stay(
    toy: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(registry.PLUGINS, "methods:zoo=tests.fixtures:zoo,methods:broken=no_such_package:zoo")
    with caplog.at_level(logging.WARNING):
        assert "blend" in registry.methods()
    assert "methods plug-in 'broken' (no_such_package:zoo) is left out" in caplog.text


@pytest.mark.parametrize("text", ["nonsense", "methods:x", "wrong:x=a:b", "methods:=a:b"])
def test_a_malformed_environment_entry_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    monkeypatch.setenv(registry.PLUGINS, text)
    registry.plugins("methods")
    assert f"found '{text}', wanted kind:name=module:object" in caplog.text


def test_a_second_method_of_the_same_name_is_left_out_with_a_warning(
    toy: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(registry.PLUGINS, "methods:zoo=tests.fixtures:zoo,methods:again=tests.fixtures:zoo")
    registry.methods()
    assert "the name 'copy' is taken by tests.fixtures:Toy" in caplog.text


def test_a_metric_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(registry.PLUGINS, "metrics:mine=tests.fixtures")
    found = registry.metrics()
    assert "gradient" in found
    assert "psnr" in found


def test_an_adapter_that_does_not_import_is_named_with_its_target() -> None:
    entry = MethodEntry(MethodCard(name="m", family="f"), "tests.fixtures:Missing")
    with pytest.raises(UserError, match=r"method 'm' cannot be imported from tests\.fixtures:Missing"):
        registry.create(entry)


@pytest.mark.parametrize(
    ("package", "line"),
    [
        ("streamlit", 'pip install "shopedit-bench[board]"'),
        ("warp", 'pip install "shopedit-bench[render]"'),
        ("some_other", "pip install some_other"),
    ],
)
def test_a_missing_package_is_mended_by_its_extra(package: str, line: str) -> None:
    assert registry.extra_for(package) == line


def test_a_command_that_lacks_a_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "needy.py").write_text("import streamlit_is_not_here\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv(registry.PLUGINS, "commands:needy=needy:app")
    with pytest.raises(UserError, match=r"command 'needy' needs the package 'streamlit_is_not_here': pip install"):
        registry.command("needy")
