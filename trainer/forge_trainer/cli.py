"""The command line of the trainer: `forge-trainer run | plan | generate`. Thin over `launch` and `export`.

torch, transformers and DeepSpeed are imported by the command that needs them, so that ``--help`` answers at once.
"""

import errno
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from forge.errors import ForgeError

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it; typer turns the interrupt into it."""

DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

app = typer.Typer(
    name="forge-trainer",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PlanPath = Annotated[Path, typer.Argument(metavar="PLAN", help="The plan, or the folder that holds plan.toml.")]
Folder = Annotated[Path, typer.Option("-C", "--directory", metavar="DIR", help="Take paths as relative to DIR.")]
"""Taken before the command and after it; given twice, the second is relative to the first."""
Json = Annotated[bool, typer.Option("--json", help="Print the facts as JSON on standard output.")]


@app.callback()
def _root(context: typer.Context, directory: Folder = Path()) -> None:
    """Train a model in stages on exported shards."""
    context.obj = directory


@app.command("run")
def run_command(
    context: typer.Context,
    plan: PlanPath = Path("plan.toml"),
    *,
    fresh: Annotated[bool, typer.Option("--fresh", help="Remove what an earlier run left, and start over.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show DeepSpeed's log.")] = False,
    directory: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Train what PLAN says; run again, it goes on where it stopped."""
    from forge_trainer import launch

    outcome = launch.run(_plan_path(context.obj / directory, plan), write=_note, fresh=fresh, verbose=verbose)
    if not launch.leads():
        return
    if as_json:
        _json({"output": str(outcome.output), "already_complete": outcome.already_complete, **outcome.summary})
        return
    if outcome.already_complete:
        typer.echo("already complete; nothing to do (--fresh starts over)")
    _describe(outcome.output, outcome.summary)


@app.command("plan")
def plan_command(
    context: typer.Context, plan: PlanPath = Path("plan.toml"), *, directory: Folder = Path(), as_json: Json = False
) -> None:
    """Check PLAN and its manifests, and say what `run` would do."""
    from forge_trainer import launch

    facts = launch.preview(_plan_path(context.obj / directory, plan))
    if as_json:
        _json(facts)
        return
    typer.echo(f"model    {facts['parameters']:,} parameters, vocabulary of {facts['vocabulary']:,}")
    for stage in facts["stages"]:
        typer.echo(
            f"stage    {stage['name']}: {stage['steps']:,} steps, {stage['tokens']:,} tokens, "
            f"{stage['epochs']:g} epochs of {stage['corpus_tokens']:,}; loss on {_mask_words(stage['loss_mask'])}"
        )
    typer.echo(f"output   {facts['output']}{' (complete)' if facts['complete'] else ''}")


@app.command("generate")
def generate_command(
    context: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL_DIR", help="A Hugging Face folder, such as training/model.")],
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="The text to continue.")],
    *,
    tokens: Annotated[int, typer.Option(min=1, help="At most so many new tokens.")] = 64,
    temperature: Annotated[float, typer.Option(min=0.0, help="0 takes the likeliest token each time.")] = 0.0,
    seed: Annotated[
        int, typer.Option(min=0, max=(1 << 63) - 1, help="Of the draws, where the temperature is above 0.")
    ] = 0,
    directory: Folder = Path(),
    as_json: Json = False,
) -> None:
    """Continue PROMPT with the model in MODEL_DIR."""
    from forge_trainer.export import generate

    text = generate(context.obj / directory / model, prompt, tokens=tokens, temperature=temperature, seed=seed)
    if as_json:
        _json({"prompt": prompt, "continuation": text})
    else:
        typer.echo(prompt + text)


def main() -> None:
    """Run the command line.

    A `ForgeError`, or the system's refusal of a file, becomes one line and exit status 1.
    """
    try:
        app()
    except ForgeError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno is None or error.filename is None:
            raise
        advice = "check its permissions and those of its folder" if error.errno in DENIED else "check the path"
        _fail(f"{os.fsdecode(error.filename)}: {error.strerror or os.strerror(error.errno)}; {advice}")
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            typer.echo("forge-trainer: stopped; run the same command to go on from the last checkpoint", err=True)
        raise


def _fail(message: str) -> NoReturn:
    typer.echo(f"forge-trainer: error: {' '.join(message.split())}", err=True)
    sys.exit(1)


def _plan_path(directory: Path, plan: Path) -> Path:
    path = directory / plan
    return path / "plan.toml" if path.is_dir() else path


def _describe(folder: Path, summary: dict[str, Any]) -> None:
    for stage in summary["stages"]:
        pace = stage["tokens_per_second"] or 0
        typer.echo(
            f"stage    {stage['name']}: {stage['tokens']:,} tokens, loss {stage['first_loss']:.3f} to "
            f"{stage['last_loss']:.3f}, {pace:,.0f} tokens/s"
        )
    model = folder / summary["model"]
    typer.echo(f"model    {model} ({summary['parameters']:,} parameters)")
    typer.echo(f"curve    {folder / summary['curve']}")
    typer.echo(f"metrics  {folder / summary['metrics']}")
    sample = summary["sample"]
    typer.echo(f"sample   {sample['prompt']!r} continues with {sample['continuation']!r}")
    typer.echo(f"next     forge-trainer generate {model} 'PROMPT'")


def _mask_words(mask: str) -> str:
    return "the assistant's tokens" if mask == "assistant" else "all tokens"


def _note(line: str) -> None:
    typer.echo(line, err=True)


def _json(facts: dict[str, Any]) -> None:
    import msgspec

    typer.echo(msgspec.json.format(msgspec.json.encode(facts), indent=2).decode())
