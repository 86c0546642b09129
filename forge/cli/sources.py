"""`forge add-source` and `forge remove-source`: edit the recipe, with the source's options checked first."""

from typing import Annotated, Any

import typer

from forge.cli.options import AsJson, Directory, print_json, shown, workspace_of


def add_source(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The source's name; see `forge plugins`.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of the source; may be repeated.")
    ] = None,
    label: Annotated[
        str | None, typer.Option("--label", help="Its name in this recipe, where a source stands twice.")
    ] = None,
    max_reject_rate: Annotated[
        float | None,
        typer.Option("--max-reject-rate", min=0, max=1, help="Share of unreadable records that fails a run, 0 to 1."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and say what it would fetch; write nothing.")
    ] = False,
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Add a source; say what it would fetch.

    Edits forge.toml, whose comments are kept, after checking the options against the plugin.
    """
    from forge.host import PluginHost
    from forge.options import make_step, parse_settings
    from forge.recipe_edit import add_source as add
    from forge.secrets import redact, redact_facts

    workspace = workspace_of(context, directory)
    offer = PluginHost().require("source", name)
    options = parse_settings(settings or [], step=offer.step)
    source = make_step(offer.step, options, file=workspace.recipe, key=f"source.{name}")
    plan = redact(_plan(source, workspace))
    if not dry_run:
        add(workspace.recipe, name=name, label=label, options=options, max_reject_rate=max_reject_rate)
    facts: dict[str, Any] = {"source": name, "label": label or name, "options": redact_facts(options), "plan": plan}
    if max_reject_rate is not None:
        facts["max_reject_rate"] = max_reject_rate
    if as_json:
        print_json({**facts, "written": not dry_run})
        return
    if dry_run:
        typer.echo(f"would add {name} to {shown(workspace.recipe)}")
    else:
        typer.echo(f"added {name} to {shown(workspace.recipe)}")
    typer.echo(f"plan: {plan}")
    if not dry_run:
        typer.echo("next: forge build")


def _plan(source: Any, workspace: Any) -> str:
    from forge.clients.http import HttpClient
    from forge.errors import step_context
    from forge.steps import Context

    plan = getattr(source, "plan", None)
    if plan is None:
        return "it does not say"
    context = Context(
        workspace=workspace.root,
        cache=workspace.cache,
        scratch=workspace.hidden,
        seed=0,
        http=HttpClient(workspace.cache),
    )
    with step_context(source.name, step="plan"):
        return str(plan(context))


def remove_source(
    context: typer.Context,
    label: Annotated[str, typer.Argument(help="The source's label; its name unless you gave it one.")],
    directory: Directory = None,
    as_json: AsJson = False,
) -> None:
    """Take a source out of forge.toml. What it collected stays on the disk, and counts for nothing."""
    from forge.recipe_edit import remove_source as remove

    workspace = workspace_of(context, directory)
    removed = remove(workspace.recipe, label)
    if as_json:
        print_json({"removed": removed})
    else:
        typer.echo(f"removed {label} from {shown(workspace.recipe)}; next: forge build")
