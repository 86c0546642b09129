"""The rejected attempts of a synthesizer, one by one: the dialogue as far as it came, what stopped it, and why."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from forge.cli.options import print_json

if TYPE_CHECKING:
    from forge.workspace import Workspace
    from forge_trajectories.synthesis.attempts import Attempt


def show_attempts(workspace: "Workspace", label: str, *, check: str | None, most: int, as_json: bool) -> None:
    """Print rejected attempts; ``check``: only those that it stopped, a check's name or a whole reason code.

    Raises:
        CorpusError: nothing was attempted, or nothing stopped there.
    """
    from forge.errors import CorpusError
    from forge.options import nearest
    from forge_trajectories.synthesis.attempts import read_attempts

    rejected = [each for each in read_attempts(workspace.scratch(label)) if not each.accepted]
    found = [each for each in rejected if check in (None, each.check, each.code)]
    if not found:
        known = sorted({name for each in rejected for name in (each.check, each.code)})
        why = f"nothing was stopped by {check!r}: {nearest(check, known)}" if check and known else "nothing is rejected"
        raise CorpusError(f"the source {label!r}: {why}; see `forge funnel`")
    if as_json:
        return print_json([_facts(each) for each in found[:most]])
    for each in found[:most]:
        _print(each, label=label)
    return typer.echo(f"{min(most, len(found)):,} of {len(found):,} rejected attempts; more with --show N")


def _facts(attempt: "Attempt") -> dict[str, Any]:
    import json
    from dataclasses import asdict

    facts = asdict(attempt)
    return {**facts, "messages": json.loads(attempt.messages or "[]")}


def _print(attempt: "Attempt", *, label: str) -> None:
    """As `forge show` prints a trajectory, and below it what a model said that was refused."""
    from forge.records import Trajectory
    from forge.show import Shown, print_record

    passed: Sequence[Any] = [{"check": name, "passed": True, "evidence": ""} for name in attempt.passed]
    failed = {"check": attempt.check, "passed": False, "evidence": attempt.evidence, "code": attempt.code}
    record = Trajectory(
        id=f"{attempt.blueprint[:12]}.{attempt.number}, rejected",
        tools=(),
        messages=attempt.dialogue(),
        checks=[*passed, failed],
        blueprint={"kind": attempt.kind, "written": attempt.written},
        model=attempt.model or None,
        source=label,
        license="",
    )
    print_record(Shown(record=record), stream=sys.stdout)
    if attempt.said:
        typer.echo(f"refused   {attempt.part}: {attempt.said}")
    typer.echo("")
