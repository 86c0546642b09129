import contextlib
import io
import os
import pty
import subprocess
import sys

import pytest

from forge.progress import LineReporter, QuietReporter, reporter

SCRIPT = """
import time
from forge.progress import reporter
report = reporter()
report.log("reading [bold]forge.toml")
with report.track("collect [openapi]", 3, "partitions") as track:
    for _ in range(3):
        time.sleep(0.02)
        track.advance()
    report.log("in between")
with report.track("outer", 2_000_000, "bytes") as outer, report.track("inner", None, "documents") as inner:
    outer.advance(2_000_000)
    inner.advance(1234)
print("{}")
"""


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def on_a_terminal(script: str, **environment: str) -> tuple[str, str]:
    """What a script shows on a terminal (its standard error) and what it prints."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", **environment}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=env, text=True) as process:
        os.close(theirs)
        shown = b""
        while chunk := read(ours):
            shown += chunk
        assert process.stdout
        printed = process.stdout.read()
    os.close(ours)
    assert process.returncode == 0, shown.decode()
    return shown.decode(), printed


def read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says so when the last writer has gone
        return b""


def test_terminal_gets_bars_and_standard_output_stays_clean() -> None:
    shown, printed = on_a_terminal(SCRIPT)
    assert printed == "{}\n"
    for expected in ("━", "collect [openapi]", "3 partitions", "in between", "[bold]forge.toml", "2.00 MB", "1,234"):
        assert expected in shown


def test_dumb_terminal_gets_lines() -> None:
    shown, _ = on_a_terminal(SCRIPT, TERM="dumb")
    assert "━" not in shown
    assert "collect [openapi]: 3 partitions in 0." in shown


def test_failure_on_a_terminal_gives_the_terminal_back() -> None:
    shown, _ = on_a_terminal(
        "from forge.progress import reporter\n"
        "try:\n"
        "    with reporter().track('collect', 9, 'specs') as track:\n"
        "        track.advance(2); raise ValueError\n"
        "except ValueError: pass\n"
    )
    assert "2 of 9 specs" in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_lines_at_the_start_every_ten_seconds_and_at_the_end() -> None:
    clock, stream = Clock(), io.StringIO()
    with LineReporter(stream, clock=clock).track("collect", 2639, "specs") as track:
        for _ in range(25):
            clock.now += 1
            track.advance(100)
    assert stream.getvalue().splitlines() == [
        "collect: 2,639 specs",
        "collect: 1,000 of 2,639 specs, 100/s, 16.4 s left",
        "collect: 2,000 of 2,639 specs, 100/s, 6.4 s left",
        "collect: 2,500 specs in 25.0 s",
    ]


def test_lines_without_a_total_and_in_bytes() -> None:
    clock, stream = Clock(), io.StringIO()
    with LineReporter(stream, clock=clock).track("fetch", None, "bytes") as track:
        clock.now += 12
        track.advance(24_000_000)
    assert stream.getvalue().splitlines() == [
        "fetch: starting",
        "fetch: 24.0 MB, 2.00 MB/s",
        "fetch: 24.0 MB in 12.0 s",
    ]


def test_slow_step_is_paced_by_the_minute() -> None:
    clock, stream = Clock(), io.StringIO()
    with LineReporter(stream, clock=clock).track("train", 10, "stages") as track:
        clock.now += 30
        track.advance()
    assert "train: 1 of 10 stages, 2.0/min, 4 min 30 s left" in stream.getvalue()


def test_failed_step_says_how_far_it_came() -> None:
    stream = io.StringIO()
    with contextlib.suppress(ValueError), LineReporter(stream, clock=Clock()).track("collect", 9, "specs") as track:
        track.advance(2)
        raise ValueError
    assert stream.getvalue().splitlines()[-1] == "collect: stopped after 2 of 9 specs in 0.0 s"


def test_stream_that_is_no_terminal_gets_lines() -> None:
    stream = io.StringIO()
    reporter(stream).log("a [b] c")
    assert stream.getvalue() == "a [b] c\n"


def test_default_stream_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    reporter().log("a line")
    assert capsys.readouterr() == ("", "a line\n")


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = reporter(quiet=True)
    quiet.log("a line")
    with quiet.track("collect", 3, "specs") as track:
        track.advance()
    assert isinstance(quiet, QuietReporter)
    assert capsys.readouterr() == ("", "")


def test_rich_is_not_imported_for_a_log() -> None:
    code = (
        "import io, sys; from forge.progress import reporter\n"
        "reporter(io.StringIO()).log('x'); print('rich' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
