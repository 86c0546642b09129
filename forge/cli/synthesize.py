"""`forge synthesize` and `forge funnel`: trajectories made from the catalogue, and what became of every attempt."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge.cli.options import AsJson, Directory, Quiet, Workers, print_json, print_table, shown, workspace_of

if TYPE_CHECKING:
    from forge.engine.session import Session, Step
    from forge.workspace import Workspace
    from forge_trajectories.synthesis.estimate import Estimate
    from forge_trajectories.synthesis.funnel import Funnel

SYNTHESIZER = "synthesizer"
EVERY = 10.0
"""Seconds between two lines about what is accepted."""
Label = Annotated[str, typer.Option("--label", help="The synthesizer's label in the recipe.")]


def synthesize(
    context: typer.Context,
    target_accepted: Annotated[
        int | None, typer.Option("--target-accepted", min=1, help="Accepted trajectories to stop at.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="The model's name at the endpoint.")] = None,
    judge_model: Annotated[
        str | None, typer.Option("--judge-model", help="A model that judges what passed; better another one.")
    ] = None,
    writes: Annotated[
        list[str] | None,
        typer.Option(
            "--writes", help="A part that the model writes; repeat it, or say none. See docs/trajectories.md."
        ),
    ] = None,
    max_tokens: Annotated[int | None, typer.Option("--max-tokens", min=1, help="Most tokens, over all runs.")] = None,
    max_usd: Annotated[
        float | None, typer.Option("--max-usd", min=0, help="Most US dollars, over all runs; needs [llm.prices].")
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Only say what would be asked and what it takes.")
    ] = False,
    label: Label = SYNTHESIZER,
    workers: Workers = None,
    directory: Directory = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Make verified trajectories from the catalogue's APIs, until enough are accepted or the budget ends.

    What is given here is written into the recipe's source of this label, so that `forge build` gives the same; the
    source is added if the recipe has none. The endpoint is OPENAI_BASE_URL with OPENAI_API_KEY; without one a small
    packaged model is served on loopback. Answers are kept in .forge/llm.sqlite: what was answered is never asked, or
    paid, again, and a run that was stopped takes up where it was.
    """
    given = {
        "target_accepted": target_accepted,
        "model": model,
        "judge_model": judge_model,
        "writes": [] if writes == ["none"] else writes or None,
        "max_tokens": max_tokens,
        "max_usd": max_usd,
    }
    options = {name: value for name, value in given.items() if value is not None}
    workspace = workspace_of(context, directory)
    if estimate:
        found = _estimated(workspace, label, options, workers=workers, quiet=quiet)
        return _say_estimate(found, as_json=as_json)
    funnel = _run(workspace, label, options, workers=workers, quiet=quiet)
    return print_json(_facts(funnel)) if as_json else _print(funnel)


def funnel(
    context: typer.Context,
    label: Label = SYNTHESIZER,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Show what became of every attempt at a trajectory: each check, what it stopped and why, and what it cost."""
    from forge.errors import CorpusError

    workspace = workspace_of(context, directory)
    found = read_funnel(workspace, label)
    if not found.attempts:
        raise CorpusError(f"the source {label!r} has attempted nothing here; run `forge synthesize`")
    return print_json(_facts(found)) if as_json else _print(found)


def read_funnel(workspace: "Workspace", label: str) -> "Funnel":
    """The funnel of the source with this label, from what its last run left."""
    from forge_trajectories.synthesis.funnel_files import read

    return read(workspace.state(label) / "scratch")


def _run(
    workspace: "Workspace", label: str, options: Mapping[str, Any], *, workers: int | None, quiet: bool
) -> "Funnel":
    """Set the recipe, run the source, read its funnel."""
    from dataclasses import replace

    from forge.cli.compose import open_session
    from forge.cli.llm import endpoint_or_local
    from forge.engine.build import gather_one

    _place(workspace, label, options, quiet=quiet)
    with open_session(workspace, command="synthesize", workers=workers, quiet=quiet) as session:
        step = _step(session, label)
        if not step.instance.asks_model:
            gather_one(session, label)
            return read_funnel(workspace, label)
        wanted = replace(session.recipe.llm, model=step.instance.model or session.recipe.llm.model)
        with endpoint_or_local(wanted, root=workspace.root, quiet=quiet) as settings:
            if not wanted.model and settings.model:
                # The recipe says who wrote, so that a later build knows that it is done.
                _place(workspace, label, {"model": settings.model}, quiet=quiet)
                session.recipe = _reread(workspace)
            session.recipe = replace(session.recipe, llm=replace(settings, prices=session.recipe.llm.prices))
            with _watched(session, step):
                gather_one(session, label)
    return read_funnel(workspace, label)


@contextmanager
def _watched(session: "Session", step: "Step") -> Iterator[None]:
    """Say now and then how many are accepted: a worker process does the work, and leaves its numbers in a file."""
    from forge_trajectories.synthesis.progress import progress

    folder = session.workspace.state(step.label) / "scratch"
    over = threading.Event()

    def watch() -> None:
        said = 0
        while not over.wait(EVERY):
            now = progress(folder)
            if now["attempts"] > said:
                said = now["attempts"]
                session.reporter.log(
                    f"{now['accepted']:,} of {step.instance.target_accepted:,} accepted, {said:,} attempts"
                )

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _reread(workspace: "Workspace") -> Any:
    from forge.recipe import load_recipe

    return load_recipe(workspace.recipe)


def _place(workspace: "Workspace", label: str, options: Mapping[str, Any], *, quiet: bool) -> None:
    """Put the source into the recipe, or set its options there."""
    from forge.host import PluginHost
    from forge.options import make_step
    from forge.recipe import load_recipe
    from forge.recipe_edit import add_source, set_options

    recipe = load_recipe(workspace.recipe)
    table = next((table for table in recipe.sources if table.label == label), None)
    offer = PluginHost().require("source", table.name if table is not None else SYNTHESIZER)
    make_step(offer.step, {**(table.options if table else {}), **options}, file=workspace.recipe, key=f"source.{label}")
    if table is None:
        add_source(workspace.recipe, name=SYNTHESIZER, label=label, options=options)
        changed = {"name": SYNTHESIZER, **options}
    else:
        changed = set_options(workspace.recipe, label, options)
    if changed and not quiet:
        said = ", ".join(f"{name} = {value}" for name, value in changed.items())
        typer.echo(f"{shown(workspace.recipe)}: [[source]] {label}: {said}", err=True)


def _step(session: "Session", label: str) -> "Step":
    from forge.errors import RecipeError
    from forge_trajectories.synthesis.source import Synthesizer

    table = next((table for table in session.recipe.sources if table.label == label), None)
    step = session.step("source", table) if table is not None else None
    if step is None or not isinstance(step.instance, Synthesizer):
        message = f"the source {label!r} is no synthesizer; name yours with --label"
        raise RecipeError(message, file=session.recipe.path, key="source")
    return step


def _estimated(
    workspace: "Workspace", label: str, options: Mapping[str, Any], *, workers: int | None, quiet: bool
) -> "Estimate":
    """What a run with these options would ask; the recipe stays as it is."""
    from forge.cli.compose import open_session
    from forge.engine.build import catalog_view
    from forge.options import make_step
    from forge_trajectories.synthesis.estimate import estimate
    from forge_trajectories.synthesis.source import Synthesizer

    with open_session(workspace, command="synthesize", workers=workers, quiet=quiet) as session:
        table = next((table for table in session.recipe.sources if table.label == label), None)
        merged = {**(table.options if table is not None else {}), **options}
        source = make_step(Synthesizer, merged, file=session.recipe.path, key=f"source.{label}")
        return estimate(source, session.context(label, catalog=catalog_view(session)))


def _say_estimate(found: "Estimate", *, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        return print_json(asdict(found))
    if not found.calls:
        return typer.echo(f"{found.accepted:,} trajectories from blueprints alone: no model is asked")
    prompt, completion = found.prompt_tokens, found.completion_tokens
    typer.echo(f"for {found.accepted:,} accepted trajectories, if every answer is right at once:")
    typer.echo(f"  {found.calls:,} calls, {prompt + completion:,} tokens ({prompt:,} in, {completion:,} out)")
    typer.echo(f"  with one retry for each: {found.most_calls:,} calls, {found.most_tokens:,} tokens")
    if found.usd is not None and found.most_usd is not None:
        typer.echo(f"  ${found.usd:,.4f}, at most ${found.most_usd:,.4f} with one retry for each")
    else:
        known = f'[llm.prices."{found.model}"]' if found.model else "[llm] with a model and its prices"
        typer.echo(f"  no cost is known: the recipe has no {known}")
    return typer.echo(f"  some {found.seconds / 60:,.1f} minutes at a common endpoint; nothing was sent")


def _facts(found: "Funnel") -> dict[str, Any]:
    from dataclasses import asdict

    more = {"cost_per_accepted": found.cost_per_accepted, "tokens_per_accepted": found.tokens_per_accepted}
    return {**asdict(found), **more}


def _print(found: "Funnel") -> None:
    """The funnel on a terminal: gates with what they stopped, kinds, what the model wrote, cost."""
    typer.echo(
        f"{found.attempts:,} attempts at {found.blueprints:,} blueprints, {found.accepted:,} accepted over "
        f"{found.apis:,} different APIs, offered or called\n"
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
    for how, count in found.ended.items():
        if how != "target":
            typer.echo(f"{count:,} partitions ended by {how} before their target")
