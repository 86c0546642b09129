"""`forge-trainer run`: the stages one after the other, resumable at every checkpoint, bit for bit.

What a step reads, and at which rate, follows from its number alone; weights and optimizer come from the checkpoint. So
a run killed at any moment and started again ends with the same model as one left in peace (same machine, threads and
number of processes).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import torch

from forge.errors import CorpusError, RecipeError
from forge.files import sha256, sweep, write_bytes
from forge_trainer import checkpoints, metrics, output, progress
from forge_trainer.checkpoints import State
from forge_trainer.corpus import StageCorpus, micro_batch, tokenizer_of
from forge_trainer.curve import draw_curve
from forge_trainer.data import Packer, samples_of
from forge_trainer.engine import StageEngine, World, joined
from forge_trainer.export import export_model, generate
from forge_trainer.metrics import Metric
from forge_trainer.model import TrainedModel, build_model
from forge_trainer.plan import Plan
from forge_trainer.room import room_for
from forge_trainer.schedule import learning_rate

SAMPLE_TOKENS = 48
Weights = dict[str, torch.Tensor]


@dataclass(kw_only=True)
class Run:
    """One life of a run, in one process.

    Attributes:
        plan, corpora: what to do.
        folder: the output.
        world: the processes.
        facts_hash: see `output.fingerprint`.
        write: takes lines for the reader; only the first process calls it.
    """

    plan: Plan
    corpora: list[StageCorpus]
    folder: Path
    world: World
    facts_hash: str
    write: Callable[[str], None]

    @property
    def leads(self) -> bool:
        """This process writes files and talks."""
        return self.world.rank == 0

    def state_at(self, stage: int, step: int) -> State:
        """The state after ``step`` steps of a stage."""
        done = self.plan.stages[:stage]
        current = self.plan.stages[stage]
        return State(
            stage=stage,
            step=step,
            global_step=sum(other.total_steps for other in done) + step,
            tokens=sum(other.total_steps * other.tokens_per_step for other in done) + step * current.tokens_per_step,
            sample=step * current.batch,
            world_size=self.world.size,
            plan_hash=self.facts_hash,
            manifest_sha256=self.corpora[stage].sha256,
        )

    def train(self) -> Weights:
        """Run what is left of the stages; the final weights, in fp32 on the CPU."""
        folder = self.folder / checkpoints.FOLDER
        resumed = checkpoints.latest(folder)
        if resumed is not None:
            self._check_resumable(resumed)
        start = resumed or self.state_at(0, 0)
        if self.leads:
            self._cut_metrics(start)
            if resumed is not None:
                self.write(f"resuming {self.plan.stages[start.stage].name} after step {start.step}")
        total = self.state_at(len(self.plan.stages) - 1, self.plan.stages[-1].total_steps).tokens
        weights: Weights | None = None
        with (
            progress.shown(total, start=start.tokens, write=self.write if self.leads else _silent) as report,
            (self.folder / metrics.FILE_NAME).open("ab") as stream,
        ):
            for index in range(start.stage, len(self.plan.stages)):
                resume = resumed if index == start.stage else None
                weights = self._stage(index, weights, resume=resume, report=report, stream=stream)
        if weights is None:
            raise RecipeError("a plan needs at least one [[stage]]", key="stage")
        return weights

    def _check_resumable(self, state: State) -> None:
        if state.world_size != self.world.size:
            raise RecipeError(
                f"its checkpoint was written by {state.world_size} processes, and this run has {self.world.size}; "
                f"run with {state.world_size}, or start over with --fresh",
                file=self.folder,
            )
        if not (
            0 <= state.stage < len(self.plan.stages) and 0 < state.step <= self.plan.stages[state.stage].total_steps
        ):
            expected = None
        else:
            expected = msgspec.structs.replace(self.state_at(state.stage, state.step), files=state.files)
        if state != expected:
            raise CorpusError(f"{self.folder}: its checkpoint's state is not one of this plan; start over with --fresh")

    def _cut_metrics(self, start: State) -> None:
        """Drop what will be logged again; what will not be must be there, for the summary and the curve."""
        path = self.folder / metrics.FILE_NAME
        logged = {line.stage for line in metrics.cut_metrics(path, global_step=start.global_step)}
        over = start.stage + (start.step == self.plan.stages[start.stage].total_steps)
        for stage in self.plan.stages[:over]:
            if stage.name not in logged:
                raise CorpusError(f"{path}: no line of stage {stage.name}, which is over; start over with --fresh")

    def _stage(
        self, index: int, weights: Weights | None, *, resume: State | None, report: progress.Report, stream: BinaryIO
    ) -> Weights:
        stage, tokenizer = self.plan.stages[index], tokenizer_of(self.corpora)
        rows = micro_batch(stage, world_size=self.world.size)
        packer = self.corpora[index].packer(self.plan.seed)
        model = build_model(self.plan, vocab_size=tokenizer.vocab_size, eos_id=tokenizer.eos_id)
        if weights is not None:
            load_weights(model, weights)
        module = TrainedModel(model)
        engine = StageEngine(module, plan=self.plan, stage=stage, micro_batch=rows, world=self.world)
        try:
            done = 0
            if resume is not None:
                engine.load(self.folder / checkpoints.FOLDER, tag=checkpoints.tag_of(resume))
                done = resume.step
            for step in range(done, stage.total_steps):
                began = time.monotonic()
                loss = engine.step(self._read(packer, index, step, rows), learning_rate=learning_rate(stage, step))
                state = self.state_at(index, step + 1)
                if (step + 1) % self.plan.log_every == 0 or step + 1 == stage.total_steps:
                    self._log(state, loss.item(), seconds=time.monotonic() - began, report=report, stream=stream)
                if (step + 1) % self.plan.checkpoint_every == 0 or step + 1 == stage.total_steps:
                    self._save(engine, state)
            return engine.weights()
        finally:
            engine.close()

    def _read(self, packer: Packer, index: int, step: int, rows: int) -> list[tuple[torch.Tensor, ...]]:
        stage, world = self.plan.stages[index], self.world
        passes = samples_of(step=step, batch=stage.batch, micro_batch=rows, rank=world.rank, world_size=world.size)
        batches = []
        for samples in passes:
            packed = packer.rows(samples)
            arrays = (packed.tokens, packed.positions, packed.labels)
            batches.append(tuple(torch.from_numpy(array).to(world.device) for array in arrays))
        return batches

    def _log(self, state: State, loss: float, *, seconds: float, report: progress.Report, stream: BinaryIO) -> None:
        stage = self.plan.stages[state.stage]
        if not math.isfinite(loss):
            raise RecipeError(
                f"the loss is {loss} after step {state.step}; lower learning_rate and start over with --fresh",
                key=f"stage {stage.name}",
            )
        if not self.leads:
            return
        line = Metric(
            stage=stage.name,
            step=state.step,
            global_step=state.global_step,
            tokens=state.tokens,
            loss=loss,
            learning_rate=learning_rate(stage, state.step - 1),
            seconds=round(seconds, 4),
        )
        metrics.append(stream, line)
        report(stage=stage.name, tokens=state.tokens, loss=loss)

    def _save(self, engine: StageEngine, state: State) -> None:
        folder = self.folder / checkpoints.FOLDER
        engine.save(folder, tag=checkpoints.tag_of(state), state=msgspec.to_builtins(state))
        if self.leads:
            checkpoints.commit(folder, state, keep=self.plan.keep_checkpoints)


def load_weights(model: torch.nn.Module, weights: Weights) -> None:
    """Copy weights by name; tied ones are copied once."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])


def run_plan(
    plan: Plan, corpora: list[StageCorpus], folder: Path, *, write: Callable[[str], None], verbose: bool = False
) -> None:
    """Train to the end and export. The output must have been opened; see `forge_trainer.launch`.

    Args:
        plan: what to do.
        corpora: its stages' material.
        folder: the output.
        write: takes lines for the reader.
        verbose: show DeepSpeed's log.

    Raises:
        ForgeError: see `Packer`, `micro_batch`, `checkpoints.latest`, `room_for`.
    """
    facts = output.facts_of(plan, {corpus.stage.name: corpus.sha256 for corpus in corpora})
    with room_for(folder), joined(plan, verbose=verbose) as world:
        run = Run(
            plan=plan, corpora=corpora, folder=folder, world=world, facts_hash=output.fingerprint(facts), write=write
        )
        weights = run.train()
        if run.leads:
            _finish(run, weights)


def _finish(run: Run, weights: Weights) -> None:
    tokenizer, corpus = tokenizer_of(run.corpora), run.corpora[-1]
    model = build_model(run.plan, vocab_size=tokenizer.vocab_size, eos_id=tokenizer.eos_id)
    load_weights(model, weights)
    target = run.folder / output.MODEL
    export_model(model, target, tokenizer_path=corpus.tokenizer_path, eos_id=tokenizer.eos_id)
    lines = metrics.read_metrics(run.folder / metrics.FILE_NAME)
    notes = {stage.name: "assistant tokens only" for stage in run.plan.stages if stage.loss_mask == "assistant"}
    draw_curve(lines, run.folder / output.CURVE, notes=notes)
    prompt = sample_prompt(corpus, run.plan.seed, target)
    summary = {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "world_size": run.world.size,
        "stages": [stage_summary(lines, stage.name) for stage in run.plan.stages],
        "model": output.MODEL,
        "model_sha256": sha256(target / "model.safetensors"),
        "metrics": metrics.FILE_NAME,
        "curve": output.CURVE,
        "sample": {"prompt": prompt, "continuation": generate(target, prompt, tokens=SAMPLE_TOKENS)},
    }
    sweep([run.folder])
    write_bytes(run.folder / output.SUMMARY, msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")


def stage_summary(lines: list[Metric], name: str) -> dict[str, object]:
    """Name, steps, tokens and pace of a stage, and the mean loss of its first and last tenth."""
    own = [line for line in lines if line.stage == name]
    first, last = metrics.first_and_last([line.loss for line in own])
    before = max((line.tokens for line in lines if line.global_step < own[0].global_step), default=0)
    tokens, seconds = own[-1].tokens - before, sum(line.seconds for line in own)
    return {
        "name": name,
        "steps": own[-1].step,
        "tokens": tokens,
        "first_loss": round(first, 4),
        "last_loss": round(last, 4),
        "seconds": round(seconds, 1),
        "tokens_per_second": round(tokens / seconds, 1) if seconds else None,
    }


def sample_prompt(corpus: StageCorpus, seed: int, model: Path) -> str:
    """The beginning of a real document: up to the assistant's first token where there is a mask, else 16 tokens."""
    from tokenizers import Tokenizer

    packer = corpus.packer(seed)
    length, shard = 16, next(shard for shard in packer.shards if len(shard))
    mask = shard.mask_of(0) if corpus.masked else None
    if mask is not None and mask.any():
        length = max(1, int(mask.argmax()))
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    text: str = tokenizer.decode(shard[0][:length][-128:].tolist(), skip_special_tokens=False)
    return text


def _silent(_line: str) -> None:
    """The other processes say nothing."""
