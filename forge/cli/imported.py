"""What `forge funnel --verify` says of imported trajectories: golden calls that are not valid, with the reason."""

from typing import TYPE_CHECKING, Any

import typer

from forge.cli.options import print_json, print_table

if TYPE_CHECKING:
    from forge.workspace import Workspace
    from forge_trajectories.ladder.imported import ImportReport

MOST_LISTED = 100


def verify_imported(workspace: "Workspace", label: str, *, as_json: bool) -> None:
    """Verify what the corpus holds of a source that synthesises nothing; exit with 1 if something fails.

    Raises:
        CorpusError: it holds no trajectory of that source.
    """
    from forge.engine.find_trajectory import stored_trajectories
    from forge.errors import CorpusError
    from forge_trajectories.ladder.imported import import_report

    found = import_report(stored_trajectories(workspace, label))
    if not found.trajectories:
        message = f"the corpus holds no trajectory of the source {label!r}"
        raise CorpusError(f"{message}; name another with --label, run `forge build` or `forge synthesize`")
    if as_json:
        print_json(_facts(found))
    else:
        _print(found)
    if found.faults:
        raise typer.Exit(1)


def _facts(found: "ImportReport") -> dict[str, Any]:
    from dataclasses import asdict

    counts = {"verified": found.trajectories, "passed": found.passed, "calls": found.calls, "valid": found.valid}
    return {**counts, "reasons": dict(found.reasons.most_common()), "failed": [asdict(each) for each in found.faults]}


def _print(found: "ImportReport") -> None:
    from forge.show import one_line

    typer.echo(
        f"{found.passed:,} of {found.trajectories:,} imported trajectories pass what can be asked of them; "
        f"{found.valid:,} of {found.calls:,} calls are valid by their own schemas"
    )
    if not found.faults:
        return
    typer.echo(", ".join(f"{code} {count:,}" for code, count in found.reasons.most_common()) + "\n")
    rows = [
        [each.trajectory[:12], str(each.number or "-"), each.code, one_line(each.evidence, most=160)]
        for each in found.faults[:MOST_LISTED]
    ]
    print_table(rows, head=["trajectory", "call", "reason", "evidence"])
    if len(found.faults) > MOST_LISTED:
        typer.echo(f"and {len(found.faults) - MOST_LISTED:,} more; all of them with --json")
