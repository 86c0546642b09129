"""`forge funnel`: what became of every attempt at a trajectory, and whether those accepted still stand."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge.cli.attempts import show_attempts
from forge.cli.imported import verify_imported
from forge.cli.options import AsJson, Directory, print_json, print_table, workspace_of

if TYPE_CHECKING:
    from forge.workspace import Workspace
    from forge_trajectories.synthesis.audit import Audit
    from forge_trajectories.synthesis.funnel import Funnel

SYNTHESIZER = "synthesizer"
MOST_FAILED = 20
Label = Annotated[str, typer.Option("--label", help="The synthesizer's label in the recipe.")]


def funnel(
    context: typer.Context,
    label: Label = SYNTHESIZER,
    verify: Annotated[
        bool, typer.Option("--verify", help="Verify every accepted trajectory once more, from its stored form alone.")
    ] = False,
    check: Annotated[
        str | None,
        typer.Option("--check", help="With --show: only what this check stopped; its name or a reason code."),
    ] = None,
    shown_attempts: Annotated[
        int, typer.Option("--show", min=0, help="Print so many rejected attempts: dialogue, evidence, refused words.")
    ] = 0,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of every attempt at a trajectory: each check, what it stopped and why, and what it cost.

    Beside it: corruption that was planted in a sample of the accepted ones, and how much of it the checks caught.
    With --verify the accepted ones are verified again; the exit status is 1 if one does not pass. Of imported ones
    (--label trajectories) every call is listed that is not valid by its own schema, with the reason.
    """
    from forge.errors import CorpusError

    workspace = workspace_of(context, directory)
    if verify:
        return _verify(workspace, label, as_json=as_json)
    if shown_attempts or check:
        return show_attempts(workspace, label, check=check, most=shown_attempts or 1, as_json=as_json)
    found = read_funnel(workspace, label)
    if not found.attempts:
        raise CorpusError(f"the source {label!r} has attempted nothing here; run `forge synthesize`")
    tried = read_tried(workspace, label)
    return print_json(facts_of(found, tried)) if as_json else print_funnel(found, tried)


def read_tried(workspace: "Workspace", label: str) -> "Audit":
    """What the checks caught of planted corruption, from what the source's last run left."""
    from forge_trajectories.synthesis.audit import read_audit

    return read_audit(workspace.scratch(label))


def _verify(workspace: "Workspace", label: str, *, as_json: bool) -> None:
    """Verify what the last run of a source accepted, as the corpus holds it; exit with 1 if something fails."""
    from forge.engine.find_trajectory import stored_trajectories
    from forge.errors import CorpusError
    from forge_trajectories.ladder.reverify import reverify
    from forge_trajectories.synthesis.attempts import read_attempts

    scratch = workspace.scratch(label)
    if next(read_attempts(scratch), None) is None:  # no synthesizer's, or of one that made nothing
        verify_imported(workspace, label, as_json=as_json)
        return
    accepted = {attempt.trajectory for attempt in read_attempts(scratch) if attempt.accepted}
    found = reverify(each for each in stored_trajectories(workspace, label) if each.id in accepted)
    if not found.verified or found.verified < len(accepted):
        message = (
            f"the corpus holds {found.verified:,} of {len(accepted):,} accepted trajectories of the source {label!r}"
        )
        raise CorpusError(f"{message}; run `forge synthesize`")
    if as_json:
        failed = [{"id": name, **check.as_object()} for name, check in found.failed]
        print_json({"verified": found.verified, "passed": found.passed, "failed": failed})
    else:
        typer.echo(f"{found.passed:,} of {found.verified:,} stored trajectories pass every deterministic check again")
        rows = [[name[:12], check.code, check.evidence] for name, check in found.failed[:MOST_FAILED]]
        if rows:
            print_table(rows, head=["trajectory", "reason", "evidence"])
    if found.failed:
        raise typer.Exit(1)


def read_funnel(workspace: "Workspace", label: str) -> "Funnel":
    """The funnel of the source with this label, from what its last run left."""
    from forge_trajectories.synthesis.funnel_files import read

    return read(workspace.scratch(label))


def facts_of(found: "Funnel", tried: "Audit") -> dict[str, Any]:
    """The funnel and what the planted corruption showed, as JSON."""
    from dataclasses import asdict

    from forge_trajectories.ladder.mutations import table

    more: dict[str, Any] = {
        "cost_per_accepted": found.cost_per_accepted,
        "tokens_per_accepted": found.tokens_per_accepted,
        "planted": table(tried.planted),
        "judge": None,
    }
    if tried.judge is not None:
        more["judge"] = {**asdict(tried.judge), "accuracy": tried.judge.accuracy, "kappa": tried.judge.kappa}
    return {**asdict(found), **more}


def print_funnel(found: "Funnel", tried: "Audit") -> None:
    """The funnel on a terminal: gates with what they stopped, kinds, what the model wrote, cost."""
    typer.echo(
        f"{found.attempts:,} attempts at {found.blueprints:,} blueprints, {found.accepted:,} accepted over "
        f"{found.apis:,} different APIs, {found.called:,} of them called\n"
    )
    rows = [
        [
            gate.check,
            f"{gate.reached:,}",
            f"{gate.stopped:,}",
            ", ".join(f"{code} {count:,}" for code, count in gate.reasons),
        ]
        for gate in found.gates
    ]
    rows.append(["accepted", f"{found.accepted:,}", "", ""])
    print_table(rows, head=["check", "reached", "stopped", "why"])
    typer.echo("")
    kinds = [
        [row.kind, f"{row.attempts:,}", f"{row.accepted:,}", f"{row.target:.1%}", f"{row.achieved:.1%}"]
        for row in found.kinds
    ]
    print_table(kinds, head=["kind", "attempts", "accepted", "aimed at", "achieved"])
    if found.parts:
        typer.echo("")
        parts = [[row.part, f"{row.written:,}", f"{row.failed:,}", f"{row.accepted:,}"] for row in found.parts]
        print_table(parts, head=["the model wrote", "attempts", "failed by it", "accepted"])
    if found.calls:
        typer.echo(
            f"\n{found.calls:,} calls, {found.tokens:,} tokens, ${found.cost:,.4f}; an accepted trajectory took "
            f"{found.tokens_per_accepted:,.0f} tokens and ${found.cost_per_accepted:,.5f}"
        )
    if found.accepted:
        typer.echo(f"\n{found.spread}")
    if found.origins:
        total = sum(found.origins.values())
        shares = (f"{origin} {count:,} ({count / total:.1%})" for origin, count in found.origins.items())
        typer.echo(f"Observations by origin: {', '.join(shares)}")
    _print_tried(tried)
    for how, count in found.ended.items():
        if how != "target":
            typer.echo(f"{count:,} partitions ended by {how} before their target")


def _print_tried(tried: "Audit") -> None:
    """What was planted, and what of it was caught."""
    from forge_trajectories.synthesis.audit_report import audit_lines, audit_warnings, planted_rows

    if tried.planted.planted:
        typer.echo("")
        rows = [
            [kind, f"{planted:,}", f"{caught:,}", share, code]
            for kind, planted, caught, share, code in planted_rows(tried)
        ]
        print_table(rows, head=["planted corruption", "planted", "caught", "share", "most often by"])
    for line in (*audit_lines(tried), *audit_warnings(tried)):
        typer.echo(line)
