"""The journal in the hands of several processes at once."""

import subprocess
import sys
from pathlib import Path

from forge.clients.llm_journal import Entry, Journal, Kept
from forge.llm import Caps

KILLED = """
import os, signal, sys
from pathlib import Path
from forge.clients.llm_journal import Entry, Journal
from forge.llm import Caps
journal = Journal(Path(sys.argv[1]))
for number, name in enumerate(("sent", "reserved")):
    entry = Entry(key=name, scope="s", model="m", request="{}", worst_tokens=100, worst_usd=1.0)
    journal.reserve(entry, Caps())
    if number == 0:
        journal.sent(entry)
print("ready", flush=True)
sys.stdin.read() if sys.argv[2] == "live" else os.kill(os.getpid(), signal.SIGKILL)
"""


def entry(key: str) -> Entry:
    return Entry(key=key, scope="s", model="m", request="{}", worst_tokens=100, worst_usd=1.0)


def start(path: Path, how: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", KILLED, str(path), how]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_what_a_killed_process_left_is_put_right(tmp_path: Path) -> None:
    path = tmp_path / "llm.sqlite"
    with start(path, "killed") as process:
        process.wait()
    journal = Journal(path)
    # What was sent may have been paid for; what was only reserved was not.
    assert journal.spent("s").tokens == 100
    assert journal.states() == {"failed": 2}
    journal.close()


def test_calls_of_a_living_process_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "llm.sqlite"
    with start(path, "live") as process:
        journal = Journal(path)
        assert journal.states() == {"reserved": 1, "sent": 1}
        assert journal.spent("s").tokens == 200
        journal.reserve(entry("ours"), Caps())
        journal.answered(entry("ours"), Kept(text="yes", prompt_tokens=3, completion_tokens=4, usd=0.0))
        assert journal.spent("s").tokens == 207
        process.kill()
        process.wait()
        assert journal.states() == {"answered": 1, "reserved": 1, "sent": 1}
        journal.close()
    journal = Journal(path)
    assert journal.states() == {"answered": 1, "failed": 2}
    assert journal.spent("s").tokens == 107
    journal.close()
