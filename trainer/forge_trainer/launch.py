"""What a run needs before torch is imported: open the output, see whether anything is to do, say what was done."""

import os
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forge.files import sweep
from forge_trainer import output
from forge_trainer.corpus import micro_batch, read_corpora
from forge_trainer.model_size import parameter_count
from forge_trainer.plan import load_plan


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a run: the output folder, its summary, and whether there was nothing left to do."""

    output: Path
    summary: dict[str, Any]
    already_complete: bool


def run(path: Path, *, write: Callable[[str], None], fresh: bool = False, verbose: bool = False) -> Outcome:
    """Train what a plan says, or what is left of it.

    Under torchrun every process calls this; only the first prepares the output, writes and talks.

    Args:
        path: the plan.
        write: takes lines for the reader.
        fresh: remove what an earlier run left in the output, and start over.
        verbose: show DeepSpeed's log.

    Raises:
        ForgeError: the plan, a manifest, a shard or the output cannot be used.
    """
    plan = load_plan(path)
    corpora = read_corpora(plan, path.parent)
    for stage in plan.stages:
        micro_batch(stage, world_size=world_size())
    facts = output.facts_of(plan, {corpus.stage.name: corpus.sha256 for corpus in corpora})
    folder = path.parent / plan.output
    with output.locked(folder) if leads() else nullcontext():
        if not fresh:
            output.check_unchanged(folder, facts)
            if output.is_complete(folder):
                return Outcome(output=folder, summary=output.read_summary(folder), already_complete=True)
        for corpus in corpora:
            corpus.packer(plan.seed)  # what it refuses leaves no record of a run behind
        if leads():
            if fresh:
                output.clear(folder)
            elif output.lacks_model(folder):
                output.reopen(folder)
                write(f"{folder / output.MODEL}: not whole; writing it again from the last checkpoint")
            sweep([folder])
            output.begin(folder, facts)
        from forge_trainer.run import run_plan

        run_plan(plan, corpora, folder, write=write, verbose=verbose)
        return Outcome(output=folder, summary=output.read_summary(folder) if leads() else {}, already_complete=False)


def preview(path: Path) -> dict[str, Any]:
    """What `run` would do: parameters, and steps and tokens by stage. Raises as `run` does."""
    plan = load_plan(path)
    corpora = read_corpora(plan, path.parent)
    tokenizer = corpora[0].manifest.tokenizer
    folder = path.parent / plan.output
    stages = []
    for corpus in corpora:
        stage = corpus.stage
        packer = corpus.packer(plan.seed)
        stages.append(
            {
                "name": stage.name,
                "manifest": str(corpus.path),
                "steps": stage.total_steps,
                "tokens": stage.total_steps * stage.tokens_per_step,
                "corpus_tokens": corpus.manifest.tokens,
                "epochs": round(stage.total_steps * stage.batch / packer.rows_per_epoch, 2),
                "micro_batch": micro_batch(stage, world_size=world_size()),
                "loss_mask": stage.loss_mask,
            }
        )
    return {
        "parameters": parameter_count(plan, vocab_size=tokenizer.vocab_size),
        "vocabulary": tokenizer.vocab_size,
        "output": str(folder),
        "complete": output.is_complete(folder),
        "stages": stages,
    }


def leads() -> bool:
    """This is the first process, or the only one. torchrun says so in the environment."""
    return os.environ.get("RANK", "0") == "0"


def world_size() -> int:
    """Processes that torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))
