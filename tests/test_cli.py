"""The command line: instant help, plain errors, honest exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bench.cli import app
from bench.errors import UserError
from bench.metrics import Sample
from bench.types import Score
from tests.fixtures import ENVIRONMENT, Sharpness


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def run(toyset: Path, *arguments: object) -> Result:
    return bench("run", "--testset", toyset, "--protocol", "toy", *arguments)


@pytest.mark.parametrize("arguments", [["--help"], ["list", "methods", "--json"], ["run", "--help"]])
def test_help_and_lists_start_without_heavy_imports(arguments: list[str]) -> None:
    code = (
        "import sys; from bench.cli import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit as end: assert end.code in (0, None), end.code\n"
        "heavy = {'torch', 'diffusers', 'transformers', 'timm', 'cv2', 'av', 'scipy', 'skimage', 'streamlit'}\n"
        "found = heavy & {name.partition('.')[0] for name in sys.modules}\n"
        "assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("before", "after"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_do_not_spin_while_they_wait_unless_asked_to(before: str | None, after: str) -> None:
    code = "import sys; sys.argv[1:] = ['list', 'methods']; from bench.cli import main; import atexit, os; "
    code += "atexit.register(lambda: print('policy', os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)); main()"
    environment = {k: v for k, v in os.environ.items() if k != "OMP_WAIT_POLICY"}
    environment |= {"OMP_WAIT_POLICY": before} if before else {}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == f"policy {after} False"


def test_help_names_every_command_and_those_of_other_rooms() -> None:
    output = bench("--help").output
    for name in ("run", "list", "show", "export", "doctor", "store", "board", "testset", "train"):
        assert f" {name} " in output


def test_a_run_prints_methods_then_controls_and_ends_well(toy: Path, toyset: Path) -> None:
    done = run(toyset, "--method", "blend", "--method", "still")
    assert done.exit_code == 0, done.output
    lines = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    named = ("blend", "still", "truth", "copy", "track", "controls")
    assert [n for n in lines if n in named] == ["track", "blend", "track", "still", "controls", "truth", "copy"]
    assert "100.0" in done.stdout
    assert "28/28 jobs" in done.stderr


def test_a_run_can_leave_the_controls_out(toy: Path, toyset: Path) -> None:
    assert "truth" not in run(toyset, "--method", "blend", "--no-controls").stdout


def test_a_metric_that_was_asked_for_has_a_column_and_its_gaps_a_reason(
    toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPEDIT_PLUGINS", ENVIRONMENT["SHOPEDIT_PLUGINS"] + ",metrics:mine=tests.fixtures")
    whole = Sharpness.score

    def picky(metric: Sharpness, sample: Sample) -> Score:
        return Score(unscored="needs a clip of style") if sample.case.scenario != "style" else whole(metric, sample)

    monkeypatch.setattr(Sharpness, "score", picky)
    output = run(toyset, "--method", "blend", "--no-controls", "--metric", "gradient").output
    assert "gradient" in next(line for line in output.splitlines() if "score" in line and "fail" in line)
    assert "unscored on 6 of 7 edits: gradient: needs a clip of style" in output


def test_a_partial_run_is_marked(toy: Path, toyset: Path) -> None:
    assert "partial" in run(toyset, "--method", "blend", "--limit", 2).stdout
    assert json.loads(bench("list", "runs", "--json").stdout)[0]["partial"] is True


def test_a_dry_run_says_what_would_be_done_and_does_nothing(toy: Path, toyset: Path) -> None:
    done = run(toyset, "--method", "blend", "--dry-run")
    assert done.exit_code == 0
    assert "21 edits to make, 0 to score only, 0 done; about " in done.stdout
    assert "MiB" in done.stdout
    assert not (toy.parent / "edits.log").exists()
    assert json.loads(bench("list", "runs", "--json").stdout) == []


def test_failed_cases_end_in_one_and_are_named(toy: Path, toyset: Path) -> None:
    done = run(toyset, "--method", "fails-once", "--no-controls")
    assert done.exit_code == 1
    assert "failed fails-once on clip0-background (edit): velocity is NaN at step 3" in done.stderr
    assert "1/7" in done.stdout


def test_a_model_that_does_not_load_ends_in_two_with_the_reason(toy: Path, toyset: Path) -> None:
    done = run(toyset, "--method", "no-weights", "--no-controls")
    assert done.exit_code == 2
    assert "no-weights could not be loaded: weights/transformer is missing: download it first" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "blnd"], "error: unknown method 'blnd': did you mean blend"),
        (["--method", "blend", "--split", "smoek"], "error: unknown split 'smoek': did you mean smoke"),
    ],
)
def test_a_wrong_name_ends_in_two_with_the_nearest(toy: Path, toyset: Path, arguments: list[str], message: str) -> None:
    done = run(toyset, *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_a_case_without_what_a_track_gives_is_refused_at_planning(toy: Path, toyset: Path, tmp_path: Path) -> None:
    import shutil

    folder = Path(shutil.copytree(toyset, tmp_path / "bare"))
    cases = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    (folder / "cases.jsonl").write_text("".join(json.dumps(c | {"mask": None}) + "\n" for c in cases))
    done = run(folder, "--method", "masked")
    assert done.exit_code == 2
    assert "method 'masked' (track mask) fits no case here: the case has no mask" in done.stderr


def test_lists_are_json_on_stdout(toy: Path, toyset: Path) -> None:
    run(toyset, "--method", "blend", "--limit", 1)
    methods = json.loads(bench("list", "methods", "--json").stdout)
    assert {"name": "copy", "control": True}.items() <= methods[0].items()
    metrics = json.loads(bench("list", "metrics", "--protocol", "toy", "--json").stdout)
    assert metrics[0]["name"] == "mae-target"
    runs = json.loads(bench("list", "runs", "--json").stdout)
    assert runs[0]["state"] == "finished"
    assert runs[0]["environment"]["packages"]


def test_a_method_is_shown_whole(toy: Path) -> None:
    shown = json.loads(bench("show", "method", "fails-once", "--json").stdout)
    assert shown["parameters"] == {"fail_on": "clip0-background"}
    assert len(shown["key"]) == 64
    assert "clip0-background" in bench("show", "method", "fails-once").stdout
    assert bench("show", "method", "fals-once").exit_code == 2


def test_export_writes_the_last_board_a_run_or_a_method(toy: Path, toyset: Path, tmp_path: Path) -> None:
    run(toyset, "--method", "blend", "--no-controls", "--limit", 2)
    first = json.loads(bench("list", "runs", "--json").stdout)[0]["id"]
    run(toyset, "--method", "blend", "--method", "still", "--no-controls")

    def edits(*flags: object) -> int:
        return len(json.loads(bench("export", *flags).stdout)["edits"])

    assert (edits(), edits("--run", first), edits("--method", "still"), edits("--split", "smoke")) == (14, 2, 7, 14)
    assert edits("--canonical") == 14
    assert bench("export", "--format", "csv").stdout.count("\n") == 15
    assert "| blend |" in bench("export", "--format", "markdown").stdout
    bench("export", "--output", tmp_path / "out.json")
    assert len(json.loads((tmp_path / "out.json").read_text())["edits"]) == 14


def test_exporting_what_is_not_there_is_a_plain_mistake(toy: Path, toyset: Path) -> None:
    assert "the store holds no run" in bench("export").stderr
    run(toyset, "--method", "blend", "--limit", 1)
    assert "unknown run 'x'" in bench("export", "--run", "x").stderr
    assert "leave one of them out" in bench("export", "--canonical", "--format", "csv").stderr


def test_the_store_can_be_verified_and_rebuilt(toy: Path, toyset: Path) -> None:
    run(toyset, "--method", "blend")
    assert bench("store", "verify").exit_code == 0
    (toy / "bench.db").write_bytes(b"ruined")
    assert bench("store", "rebuild").exit_code == 0
    assert bench("store", "verify").exit_code == 0
    next((toy / "blobs").glob("??/*")).unlink()
    assert bench("store", "verify").exit_code == 1


def test_the_state_folder_is_the_one_that_was_named(toy: Path, toyset: Path, tmp_path: Path) -> None:
    run(toyset, "--method", "blend", "--limit", 1, "--home", tmp_path / "mine")
    assert (tmp_path / "mine" / "bench.db").is_file()
    assert not toy.exists()


def test_the_doctor_names_what_is_amiss(toy: Path, toyset: Path, tmp_path: Path) -> None:
    found = bench("doctor", "--testset", toyset, "--json")
    checks = {check["name"]: check for check in json.loads(found.stdout)}
    assert checks["test set"]["ok"] and "7 cases" in checks["test set"]["found"]
    assert checks["codecs"]["ok"] and checks["state folder"]["ok"] and checks["methods"]["ok"]
    amiss = bench("doctor", "--testset", tmp_path, "--json")
    assert amiss.exit_code == 1
    assert not {c["name"]: c["ok"] for c in json.loads(amiss.stdout)}["test set"]


def test_a_command_of_another_room_is_mounted_under_its_name(toy: Path, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "other_room.py").write_text(
        '"""Greets."""\nimport typer\napp = typer.Typer()\n'
        '@app.command()\ndef hello(name: str): typer.echo(f"hello {name}")\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SHOPEDIT_PLUGINS", ENVIRONMENT["SHOPEDIT_PLUGINS"] + ",commands:greet=other_room:app")
    assert "Greets." in bench("--help").output
    assert bench("greet", "you").stdout == "hello you\n"


def test_a_command_without_its_package_names_what_to_install(toy: Path, monkeypatch, tmp_path: Path) -> None:
    (tmp_path / "needy_room.py").write_text('"""Needs more."""\nimport a_package_nobody_has\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("SHOPEDIT_PLUGINS", "commands:needy=needy_room:app")
    assert "Needs more." in bench("--help").output
    done = bench("needy")
    assert done.exit_code == 2
    assert "needs the package 'a_package_nobody_has': pip install a_package_nobody_has" in done.stderr


def test_terminal_codes_in_a_reason_are_not_passed_on(toy: Path, toyset: Path, monkeypatch) -> None:
    from bench.errors import CaseFailed
    from tests.fixtures import Toy

    def fail(*_: object) -> None:
        raise CaseFailed("\x1b[2J[bold]gone[/]")

    monkeypatch.setattr(Toy, "edit", fail)
    done = run(toyset, "--method", "blend", "--no-controls", "--limit", 1)
    assert "\x1b[2J" not in done.output
    assert "[bold]gone[/]" in done.stderr


def test_a_failed_edit_of_a_set_without_targets_does_not_bring_a_headline(
    toy: Path, toyset: Path, tmp_path: Path
) -> None:
    import shutil

    folder = Path(shutil.copytree(toyset, tmp_path / "bare"))
    cases = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    (folder / "cases.jsonl").write_text("".join(json.dumps(c | {"target": None}) + "\n" for c in cases))
    assert run(folder, "--method", "too-short", "--no-controls").exit_code == 1
    edits = json.loads(bench("export").stdout)["edits"]
    assert len(edits) == 7
    assert all("value" not in score for edit in edits for score in edit["scores"].values())


def test_parameters_on_the_command_line_are_read_as_yaml() -> None:
    from bench.cli.run import _parameters

    found = _parameters(["guidance=1.5", "sigmas=[1.0, 0.5]", "shift=null"], "folder")
    assert found == (("guidance", 1.5), ("shift", None), ("sigmas", [1.0, 0.5]), ("student", "folder"))
    for text, value in {
        "1e-3": 0.001,
        "-2E+1": -20.0,
        ".5e0": 0.5,
        "[1e0, 5e-1]": [1.0, 0.5],
        "{a: 1e-3}": {"a": 0.001},
    }.items():
        assert _parameters([f"x={text}"], None) == (("x", value),)
    for word in ("1e", "e3", "3e5f", "'1e-3'"):
        assert _parameters([f"x={word}"], None) == (("x", word.strip("'")),)
    for text in ("guidance", "=3"):
        with pytest.raises(UserError, match="wanted NAME=VALUE"):
            _parameters([text], None)
    with pytest.raises(UserError, match="the value is not YAML"):
        _parameters(["a=["], None)
