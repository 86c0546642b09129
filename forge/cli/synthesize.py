"""`forge synthesize`: trajectories made from the catalogue, until enough are accepted or the budget ends."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from forge.cli.funnel import SYNTHESIZER, Label, facts_of, print_funnel, read_funnel, read_tried
from forge.cli.options import AsJson, Directory, MaxTokens, MaxUsd, Quiet, Workers, print_json, shown, workspace_of

if TYPE_CHECKING:
    from pathlib import Path

    from forge.engine.session import Session, Step
    from forge.errors import RecipeError
    from forge.recipe import Recipe
    from forge.workspace import Workspace
    from forge_trajectories.synthesis.estimate import Estimate
    from forge_trajectories.synthesis.funnel import Funnel
    from forge_trajectories.synthesis.source import Synthesizer

EVERY = 10.0
"""Seconds between two lines about what is accepted."""
SILENT = 3
"""So many of those without news are news."""


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
    max_tokens: MaxTokens = None,
    max_usd: MaxUsd = None,
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
    workspace = workspace_of(context, directory)
    if writes and "none" in writes and writes != ["none"]:
        from forge.errors import RecipeError

        raise RecipeError("none stands alone", file=workspace.recipe, key="--writes")
    given = {
        "target_accepted": target_accepted,
        "model": model,
        "judge_model": judge_model,
        "writes": [] if writes == ["none"] else writes or None,
        "max_tokens": max_tokens,
        "max_usd": max_usd,
    }
    options = {name: value for name, value in given.items() if value is not None}
    if estimate:
        found = _estimated(workspace, label, options, workers=workers, quiet=quiet)
        return _say_estimate(found, as_json=as_json)
    funnel = _run(workspace, label, options, workers=workers, quiet=quiet)
    tried = read_tried(workspace, label)
    return print_json(facts_of(funnel, tried)) if as_json else print_funnel(funnel, tried)


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
    """Say now and then how many are accepted: a worker process does the work, and leaves its numbers in a file.

    Where nothing comes for half a minute, say so, and what the endpoint said last.
    """
    from forge.clients.llm_journal import last_failure
    from forge_trajectories.synthesis.progress import forget, progress

    folder = session.workspace.scratch(step.label)
    forget(folder)
    over = threading.Event()

    def watch() -> None:
        said = silent = 0
        while not over.wait(EVERY):
            now = progress(folder)
            silent = silent + 1 if now["attempts"] <= said else 0
            if silent and silent % SILENT == 0:
                why = last_failure(session.workspace.journal, step.label)
                session.reporter.log(f"no new attempt for {silent * EVERY:.0f} s" + (f"; last: {why}" if why else ""))
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
    if table is not None and table.name != SYNTHESIZER:
        raise _is_none(label, workspace.recipe)
    offer = PluginHost().require("source", SYNTHESIZER)
    merged = {**(table.options if table else {}), **options}
    step = make_step(offer.step, merged, file=workspace.recipe, key=f"source.{label}")
    _check_prices(step, recipe)
    if table is None:
        add_source(workspace.recipe, name=SYNTHESIZER, label=label, options=options)
        changed = {"name": SYNTHESIZER, **options}
    else:
        changed = set_options(workspace.recipe, label, options)
    if changed and not quiet:
        said = ", ".join(f"{name} = {value}" for name, value in changed.items())
        typer.echo(f"{shown(workspace.recipe)}: [[source]] {label}: {said}", err=True)


def _step(session: "Session", label: str) -> "Step":
    from forge_trajectories.synthesis.source import Synthesizer

    table = next((table for table in session.recipe.sources if table.label == label), None)
    step = session.step("source", table) if table is not None else None
    if step is None or not isinstance(step.instance, Synthesizer):
        raise _is_none(label, session.recipe.path)
    return step


def _is_none(label: str, path: "Path") -> "RecipeError":
    from forge.errors import RecipeError

    return RecipeError(f"the source {label!r} is no synthesizer; name another with --label", file=path, key="source")


def _check_prices(source: "Synthesizer", recipe: "Recipe") -> None:
    """Refuse a cap in dollars that nothing could be counted against, before the recipe says so."""
    from forge.clients.llm_open import need_prices

    models = [source.model or recipe.llm.model] * source.asks_model + [source.judge_model]
    for model in models if source.max_usd else ():
        if model:
            need_prices(recipe.llm.prices.get(model), model=model, recipe=recipe.path)


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

    from forge.figures import duration

    if as_json:
        return print_json(asdict(found))
    if not found.calls:
        return typer.echo(f"{found.accepted:,} trajectories from blueprints alone: no model is asked")
    prompt, completion = found.prompt_tokens, found.completion_tokens
    typer.echo(f"for {found.accepted:,} accepted trajectories, if every answer is right at once:")
    typer.echo(f"  {found.calls:,} calls, {prompt + completion:,} tokens ({prompt:,} in, {completion:,} out)")
    if found.judge_calls:
        typer.echo(f"  {found.judge_calls:,} of the calls are questions to the judge {found.judge_model}")
    if found.thinking_tokens:
        typer.echo(f"  {found.thinking_tokens:,} of the tokens out are for thinking, which may take less")
    typer.echo(f"  with one retry for each: {found.most_calls:,} calls, {found.most_tokens:,} tokens")
    if found.usd is not None and found.most_usd is not None:
        typer.echo(f"  ${found.usd:,.4f}, at most ${found.most_usd:,.4f} with one retry for each")
    else:
        missing = [f'[llm.prices."{name}"]' if name else "[llm] with a model and its prices" for name in found.unpriced]
        typer.echo(f"  no cost is known: the recipe has no {' and no '.join(missing)}")
    return typer.echo(f"  some {duration(found.seconds)} at a common endpoint; nothing was sent")
