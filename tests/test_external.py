"""A program outside takes part by case folders: a real script, a real server, and everything that can go wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import CaseFailed, UserError
from bench.media import read_mask, read_png
from bench.types import EditRequest, MethodCard
from methods.external import External
from tests.fixtures import make_clip

DOCS = Path(__file__).parents[1] / "docs" / "external"
SOURCE = make_clip(0, 0)


def request(**more: object) -> EditRequest:
    return EditRequest("clip0-color", SOURCE, "a green square", "a red square", "Make it red.", seed=7, **more)


def method(track: str = "text", **parameters: object) -> External:
    found = External(MethodCard(name="mine", family="external", track=track, parameters=parameters))
    found.load("cpu")
    return found


def script(code: str, **parameters: object) -> External:
    """A method whose program is this code; `case` and `out` are its folders."""
    start = "import sys; from pathlib import Path; case, out = map(Path, sys.argv[1:]); "
    return method(command=[sys.executable, "-c", start + code, "{case}", "{out}"], **parameters)


def test_a_script_edits_and_its_whole_time_counts() -> None:
    edit = method(command=[sys.executable, str(DOCS / "tint.py"), "{case}", "{out}"]).edit(request())
    wanted = 0.75 * SOURCE.frames + 0.25 * np.array([0, 0, 255])
    assert np.abs(edit.video.frames - wanted).mean() < 3
    assert edit.video.fps == SOURCE.fps
    assert edit.seconds > 0.05
    assert (edit.nfe, edit.peak_memory) == (None, 0)


def test_the_folder_holds_the_source_exactly_and_the_words() -> None:
    edit = script("import shutil; shutil.copy(case / 'source.mp4', out / 'edit.mp4')").edit(request())
    assert np.array_equal(edit.video.frames, SOURCE.frames)
    pictures = script("import shutil; shutil.copytree(case / 'source', out / 'edit')", source="frames").edit(request())
    assert np.array_equal(pictures.video.frames, SOURCE.frames)


def given(tmp_path: Path, track: str, **more: object) -> Path:
    """What a program is given in a track, kept aside."""
    aside = f"import shutil; shutil.copytree(case, {str(tmp_path / track)!r})"
    copy = f"{aside}; shutil.copy(case / 'source.mp4', out / 'edit.mp4')"
    script(copy, track=track).edit(request(**more))
    return tmp_path / track


def test_each_track_gives_its_files_and_no_others(tmp_path: Path) -> None:
    frame, mask = SOURCE.frames[0] // 2, SOURCE.frames[..., 0] > 40
    plain = given(tmp_path, "text")
    assert sorted(p.name for p in plain.iterdir()) == ["case.json", "source.mp4"]
    words = json.loads((plain / "case.json").read_text())
    assert words == {
        "id": "clip0-color",
        "track": "text",
        "source_prompt": "a green square",
        "target_prompt": "a red square",
        "instruction": "Make it red.",
        "seed": 7,
        "frames": 5,
        "width": 48,
        "height": 32,
        "fps": "8",
        "device": "cpu",
    }
    framed = given(tmp_path, "first-frame", first_frame=frame)
    assert np.array_equal(read_png(framed / "first_frame.png"), frame)
    masked = given(tmp_path, "mask", mask=mask)
    assert np.array_equal(read_mask(masked / "mask.mp4"), mask)
    assert not (masked / "first_frame.png").exists()


FAILURES: dict[str, tuple[str, str]] = {
    "an error": ("print('loading'); sys.exit('out of memory')", r"ended with status 1: out of memory"),
    "an exception": ("1 / 0", r"ended with status 1: ZeroDivisionError: division by zero"),
    "a signal": ("import os; os.kill(os.getpid(), 11)", r"was ended by SIGSEGV"),
    "nothing": ("pass", r"left nothing; wanted one edit.mp4 \(or .mov, .webm, .mkv, .avi\), or edit/\*.png"),
    "another name": ("(out / 'result.mp4').touch()", r"left result.mp4; wanted one edit.mp4"),
    "two clips": ("(out / 'edit.mp4').touch(); (out / 'edit.mov').touch()", r"left edit.mov, edit.mp4; wanted one"),
    "no clip": ("(out / 'edit.mp4').write_text('sorry')", r"edit.mp4: cannot be decoded"),
    "an empty clip": ("(out / 'edit.mp4').touch()", r"edit.mp4: cannot be decoded"),
    "a link": ("(out / 'edit.mp4').symlink_to(case / 'source.mp4')", r"left edit.mp4; wanted one"),
    "no picture": ("(out / 'edit').mkdir(); (out / 'edit' / '0.png').touch()", r"0.png: cannot be decoded"),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_a_program_that_fails_fails_its_case_with_the_reason(kind: str) -> None:
    code, reason = FAILURES[kind]
    with pytest.raises(CaseFailed, match=reason):
        script(code).edit(request())


def test_pictures_of_different_sizes_are_no_clip() -> None:
    code = (
        "from PIL import Image; (out / 'edit').mkdir();"
        "[Image.new('RGB', (8 + i, 8)).save(out / 'edit' / f'{i}.png') for i in range(2)]"
    )
    with pytest.raises(CaseFailed, match="more than one size: 9x8 beside the first's"):
        script(code).edit(request())


def test_a_program_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    child = f"import time; time.sleep(6); open({str(tmp_path / 'survived')!r}, 'w')"
    code = (
        f"import subprocess, time; print('step 3 of 50', flush=True); "
        f"subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    )
    start = time.perf_counter()
    with pytest.raises(CaseFailed, match=r"took longer than 4 s and was ended: step 3 of 50"):
        script(code, timeout=4).edit(request())
    assert time.perf_counter() - start < 50
    time.sleep(3)
    assert not (tmp_path / "survived").exists()


def test_what_a_program_leaves_running_is_ended_with_its_case(tmp_path: Path) -> None:
    child = f"import time; time.sleep(2); open({str(tmp_path / 'survived')!r}, 'w')"
    code = (
        f"import shutil, subprocess; subprocess.Popen([sys.executable, '-c', {child!r}]); "
        "shutil.copy(case / 'source.mp4', out / 'edit.mp4')"
    )
    script(code).edit(request())
    time.sleep(2.5)
    assert not (tmp_path / "survived").exists()


def test_no_folder_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(CaseFailed):
        script("sys.exit(1)").edit(request())
    script("import shutil; shutil.copy(case / 'source.mp4', out / 'edit.mp4')").edit(request())
    assert list(tmp_path.iterdir()) == []


@contextmanager
def server(answer: Callable[[BaseHTTPRequestHandler, bytes], None]) -> Iterator[str]:
    """A server on a free port that answers every POST so."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{running.server_port}/edit"
    finally:
        running.shutdown()
        running.server_close()


def reply(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int | None = None) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    handler.end_headers()
    handler.wfile.write(body)


def test_a_server_is_sent_the_folder_and_answers_with_the_clip() -> None:
    seen: list[list[str]] = []

    def echo(handler: BaseHTTPRequestHandler, body: bytes) -> None:
        archive = zipfile.ZipFile(BytesIO(body))
        seen.append(archive.namelist())
        reply(handler, archive.read("source.mp4"))

    with server(echo) as url:
        edit = method(url=url).edit(request())
    assert np.array_equal(edit.video.frames, SOURCE.frames)
    assert seen == [["case.json", "source.mp4"]]


def trickle(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    for _ in range(600):
        handler.wfile.write(b"x")
        handler.wfile.flush()
        time.sleep(0.1)


def redirect(handler: BaseHTTPRequestHandler, body: bytes) -> None:
    handler.send_response(302)
    handler.send_header("Location", "file:///etc/passwd")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


SERVERS: dict[str, tuple[Callable[[BaseHTTPRequestHandler, bytes], None], str]] = {
    "an error": (lambda h, b: reply(h, b"CUDA out of memory", 500), r"answered 500: CUDA out of memory"),
    "a text": (lambda h, b: reply(h, b"<html>hello"), r"edit.mp4: cannot be decoded"),
    "half a clip": (lambda h, b: reply(h, b[:100], length=5000), r"cannot be asked|broke off after 100 of 5000 bytes"),
    "nothing": (lambda h, b: time.sleep(60), r"took longer than 1 s"),
    "a byte at a time": (trickle, r"took longer than 1 s"),
    "another address": (redirect, r"answered 302"),
}


@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_fails_fails_its_case_with_the_reason(kind: str) -> None:
    answer, reason = SERVERS[kind]
    start = time.perf_counter()
    with server(answer) as url, pytest.raises(CaseFailed, match=reason):
        method(url=url, timeout=1.0 if "longer" in reason else 60.0).edit(request())
    assert time.perf_counter() - start < 50


def test_a_server_that_is_away_or_sends_too_much_fails_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CaseFailed, match=r"http://127\.0\.0\.1:9/ cannot be asked"):
        method(url="http://127.0.0.1:9/").edit(request())
    monkeypatch.setattr("methods.external.MAX_CLIP", 1000)
    with (
        server(lambda h, b: reply(h, bytes(5000))) as url,
        pytest.raises(CaseFailed, match="sent more than 1000 bytes"),
    ):
        method(url=url).edit(request())


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "wanted a command or a url, found neither"),
        ({"command": ["sh"], "url": "http://x/"}, "wanted a command or a url, found both"),
        ({"command": ["no-such-program"]}, "no program 'no-such-program'"),
        ({"url": "file:///etc/passwd"}, "url is 'file:///etc/passwd', wanted http"),
        ({"command": ["sh"], "timeout": 0.0}, "timeout = 0.0 is not allowed; wanted seconds a case may take"),
        ({"command": ["sh"], "source": "gif"}, "source = 'gif' is not allowed"),
        ({"command": ["sh"], "pins": {"gone.py": "0" * 64}}, "pinned file gone.py is missing"),
    ],
)
def test_a_row_that_cannot_work_is_refused_before_its_first_case(parameters: dict[str, object], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        method(**parameters)


def test_a_pinned_program_that_has_changed_is_refused(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("print('one')")
    digest = subprocess.run(["sha256sum", program], capture_output=True, text=True, check=True).stdout.split()[0]
    method(command=[sys.executable, str(program)], pins={str(program): digest})
    program.write_text("print('two')")
    with pytest.raises(UserError, match=f"its pin says {digest}; where the change is meant"):
        method(command=[sys.executable, str(program)], pins={str(program): digest})


def bench(rows: Path, home: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    from tests.fixtures import ENVIRONMENT

    toys = ENVIRONMENT["SHOPEDIT_PLUGINS"].split(",")[1]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    more = {"SHOPEDIT_ROWS": str(rows), "BENCH_HOME": str(home), "SHOPEDIT_PLUGINS": toys, "PATH": path}
    return subprocess.run(
        [sys.executable, "-m", "bench.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | more,
        cwd=DOCS.parents[1],
    )


def test_the_documented_row_runs_from_the_command_line(toyset: Path, tmp_path: Path) -> None:
    text = (DOCS.parent / "external.md").read_text(encoding="utf-8")
    shown = text.split("```yaml\n# docs/external/rows/tint.yaml\n")[1].split("```")[0]
    row = (DOCS / "rows" / "tint.yaml").read_text(encoding="utf-8")
    assert [line.split("  #")[0].rstrip() for line in shown.splitlines()] == row.splitlines()
    home = tmp_path / "home"
    flags = ("--testset", toyset, "--protocol", "toy", "--no-controls", "--limit", 2)
    done = bench(DOCS / "rows", home, "run", "--method", "tint", *flags)
    assert done.returncode == 0, done.stderr
    exported = json.loads(bench(DOCS / "rows", home, "export").stdout)
    assert [(edit["status"], edit["nfe"]) for edit in exported["edits"]] == [("ok", None)] * 2


def test_a_case_that_the_program_cannot_do_fails_alone(toyset: Path, tmp_path: Path) -> None:
    rows = Path(shutil.copytree(DOCS / "rows", tmp_path / "rows"))
    (rows / "tint-server.yaml").unlink()
    program = tmp_path / "picky.py"
    program.write_text(
        "import json, shutil, sys; from pathlib import Path; case, out = map(Path, sys.argv[1:])\n"
        "if 'background' in json.loads((case / 'case.json').read_text())['id']: sys.exit('no background, please')\n"
        "shutil.copy(case / 'source.mp4', out / 'edit.mp4')\n"
    )
    row = (rows / "tint.yaml").read_text().replace("docs/external/tint.py", str(program))
    (rows / "tint.yaml").write_text(row)
    flags = ("--testset", toyset, "--protocol", "toy", "--no-controls", "--limit", 2)
    done = bench(rows, tmp_path / "home", "run", "--method", "tint", *flags)
    assert done.returncode == 1
    assert "failed tint on clip0-background (edit): python ended with status 1: no background, please" in done.stderr
    assert "2/2 jobs, 1 failed" in done.stderr


def test_the_documented_server_serves(tmp_path: Path) -> None:
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = subprocess.Popen([sys.executable, str(DOCS / "serve.py"), str(port)], stderr=subprocess.DEVNULL)
    try:
        served = method(url=f"http://127.0.0.1:{port}/")
        for _ in range(100):
            try:
                edit = served.edit(request())
                break
            except CaseFailed:
                time.sleep(0.1)
        assert edit.video.shape == SOURCE.shape
        assert edit.video.frames[..., 2].mean() > SOURCE.frames[..., 2].mean() + 20
    finally:
        program.kill()
        program.wait()


def test_rows_from_outside_do_not_take_the_others_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    from methods import zoo

    ours = set(zoo())
    monkeypatch.setenv("SHOPEDIT_ROWS", f"{DOCS / 'rows'}{os.pathsep}{tmp_path / 'gone'}")
    assert set(zoo()) == ours | {"tint", "tint-server"}
    assert "no folder" in caplog.text
    (tmp_path / "sdedit.yaml").write_text((DOCS / "rows" / "tint.yaml").read_text().replace("tint\n", "sdedit\n", 1))
    monkeypatch.setenv("SHOPEDIT_ROWS", str(tmp_path))
    assert set(zoo()) == ours
    assert "the name is taken by another row" in caplog.text


def test_it_is_shown_like_any_other_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOPEDIT_ROWS", str(DOCS / "rows"))
    shown = json.loads(CliRunner().invoke(app, ["show", "method", "tint", "--json"]).stdout)
    assert shown["parameters"]["timeout"] == 60
    assert shown["parameters"]["pins"] == {}
