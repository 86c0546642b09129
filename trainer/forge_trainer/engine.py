"""DeepSpeed, and nothing but: the only module that imports it.

One engine trains one stage: ZeRO 1 (optimizer state divided over the processes) around torch's own AdamW; fp32 on a CPU
with gloo, bf16 with fp32 master weights on a GPU with NCCL. The rate is set by hand before each step (`schedule.py`),
so there is no scheduler to save. Importing costs 4 s, starting one process about a second.

Two habits of DeepSpeed are contained here. On a CPU it compiles a shared-memory operation on its first start, and
fails where there is no compiler; nothing of ours calls that operation, so `_PlainCpu` says that there is none. And it
reads ``LOCAL_RANK`` from the environment even if the process group is already there; a lone process sets it for the
length of the call only.
"""

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from forge.errors import CorpusError
from forge_trainer.model import TrainedModel, parameter_groups
from forge_trainer.plan import Plan, StagePlan


@contextmanager
def _quiet(verbose: bool) -> Iterator[None]:
    """Keep DeepSpeed's log and warnings (of its own and of what it calls) off the screen while inside."""
    logger = logging.getLogger("DeepSpeed")
    if verbose:
        yield
        return

    def errors_only(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR

    logger.addFilter(errors_only)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.removeFilter(errors_only)


with _quiet(verbose=False):
    import deepspeed
    from deepspeed.accelerator import get_accelerator, set_accelerator
    from deepspeed.accelerator.cpu_accelerator import CPU_Accelerator
    from deepspeed.checkpoint.constants import (
        UNIVERSAL_CHECKPOINT_INFO,
        UNIVERSAL_CHECKPOINT_VERSION_KEY,
        UNIVERSAL_CHECKPOINT_VERSION_VALUE,
    )
    from deepspeed.utils import safe_get_full_fp32_param


class _PlainCpu(CPU_Accelerator):  # type: ignore[misc]
    """The CPU without operations that need a compiler."""

    def create_op_builder(self, op_name: str) -> None:
        """There is none, whatever the name."""


@dataclass(frozen=True, kw_only=True)
class World:
    """The processes of a run, and the place of this one among them."""

    rank: int
    size: int
    local_rank: int
    device: torch.device
    bf16: bool
    verbose: bool = False


@contextmanager
def joined(plan: Plan, *, verbose: bool = False) -> Iterator[World]:
    """Join the process group that torchrun describes, or make one of this process alone; leave it at the end."""
    launched = "RANK" in os.environ and "WORLD_SIZE" in os.environ
    gpu = torch.cuda.is_available()
    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    device = torch.device("cuda", local_rank) if gpu else torch.device("cpu")
    if gpu:
        torch.cuda.set_device(device)
    backend = "nccl" if gpu else "gloo"
    if launched:
        dist.init_process_group(backend)
    else:
        dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)  # type: ignore[attr-defined]
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    elif not gpu and dist.get_world_size() > 1 and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() // dist.get_world_size()))
    with _quiet(verbose):
        if get_accelerator().device_name() == "cpu":
            set_accelerator(_PlainCpu())
    try:
        with warnings.catch_warnings():
            # torch deprecates a collective that DeepSpeed calls in every step.
            warnings.filterwarnings("ignore", category=FutureWarning, module=r"torch\.distributed")
            yield World(
                rank=dist.get_rank(),
                size=dist.get_world_size(),
                local_rank=local_rank,
                device=device,
                bf16=plan.precision == "bf16" or (plan.precision == "auto" and gpu),
                verbose=verbose,
            )
    finally:
        with _quiet(verbose):
            dist.destroy_process_group()
            deepspeed.comm.comm.cdb = None


class StageEngine:
    """Trains one stage.

    Args:
        module: the model; DeepSpeed keeps and changes it.
        plan: for the optimizer.
        stage: for the batch.
        micro_batch: rows a forward pass in this process.
        world: see `joined`.
    """

    def __init__(self, module: TrainedModel, *, plan: Plan, stage: StagePlan, micro_batch: int, world: World) -> None:
        self.world = world
        self.passes = stage.batch // (micro_batch * world.size)
        options = plan.optimizer
        optimizer = torch.optim.AdamW(
            parameter_groups(module, weight_decay=options.weight_decay),
            lr=stage.learning_rate,
            betas=(options.beta1, options.beta2),
            eps=options.epsilon,
            fused=True,
        )
        config = {
            "train_batch_size": stage.batch,
            "train_micro_batch_size_per_gpu": micro_batch,
            "gradient_accumulation_steps": self.passes,
            "gradient_clipping": options.clip,
            "bf16": {"enabled": world.bf16},
            "zero_optimization": {"stage": 1, "overlap_comm": False},
            "zero_allow_untested_optimizer": True,
            "steps_per_print": None,
        }
        with _quiet(world.verbose), _local_rank(world.local_rank):
            self.engine, *_ = deepspeed.initialize(
                model=module.to(world.device), optimizer=optimizer, config=config, dist_init_required=False
            )

    def step(self, batches: list[tuple[torch.Tensor, ...]], *, learning_rate: float) -> torch.Tensor:
        """One optimizer step.

        Args:
            batches: one a forward pass: tokens, positions and labels, each (micro_batch, sequence_length).
            learning_rate: of this step.

        Returns:
            The mean loss over the labelled places of the whole batch, in nats, over all processes.
        """
        labelled = sum((labels >= 0).sum() for _, _, labels in batches)
        totals = torch.zeros(2, dtype=torch.float64, device=self.world.device)
        totals[1] = labelled
        if self.world.size > 1:
            dist.all_reduce(totals[1:])
        # DeepSpeed divides by passes and processes; the mean over all labelled places is wanted, wherever they fall.
        scale = self.passes * self.world.size / totals[1].clamp(min=1).float()
        for group in self.engine.optimizer.param_groups:
            group["lr"] = learning_rate
        for tokens, positions, labels in batches:
            loss = self.engine(tokens, positions, labels)
            totals[0] += loss.detach()
            self.engine.backward(loss * scale)
            self.engine.step()
        if self.world.size > 1:
            dist.all_reduce(totals[:1])
        return totals[0] / totals[1].clamp(min=1)

    def save(self, folder: Path, *, tag: str, state: Mapping[str, Any]) -> None:
        """Write weights, optimizer and ``state`` to ``folder/tag``; every process must call it. Moves no pointer."""
        client = {
            "forge": dict(state),
            UNIVERSAL_CHECKPOINT_INFO: {UNIVERSAL_CHECKPOINT_VERSION_KEY: UNIVERSAL_CHECKPOINT_VERSION_VALUE},
        }
        with _quiet(self.world.verbose):
            self.engine.save_checkpoint(str(folder), tag=tag, client_state=client, save_latest=False)
        dist.barrier()

    def load(self, folder: Path, *, tag: str) -> dict[str, Any]:
        """Take weights and optimizer from a checkpoint.

        Returns:
            The state that `save` was given.

        Raises:
            CorpusError: DeepSpeed finds no checkpoint there.
        """
        with _quiet(self.world.verbose):
            path, client = self.engine.load_checkpoint(str(folder), tag=tag)
        if path is None or "forge" not in client:
            raise CorpusError(f"{folder / tag}: no checkpoint of this trainer; start over with --fresh")
        state: dict[str, Any] = client["forge"]
        return state

    def weights(self) -> dict[str, torch.Tensor]:
        """The model's weights in fp32 on the CPU; every process must call it."""
        model = self.engine.module.model
        if self.world.bf16:
            full = {name: safe_get_full_fp32_param(parameter) for name, parameter in model.named_parameters()}
        else:
            full = dict(model.named_parameters())
        return {name: value.detach().float().cpu().clone() for name, value in full.items()}

    def close(self) -> None:
        """Take DeepSpeed's hooks off the model and free the optimizer's memory."""
        with _quiet(self.world.verbose):
            self.engine.destroy()


@contextmanager
def _local_rank(value: int) -> Iterator[None]:
    """`LOCAL_RANK` in the environment, for DeepSpeed's constructor, which takes it from nowhere else."""
    if "LOCAL_RANK" in os.environ:
        yield
        return
    os.environ["LOCAL_RANK"] = str(value)
    try:
        yield
    finally:
        del os.environ["LOCAL_RANK"]
