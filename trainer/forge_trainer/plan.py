"""The plan: what `plan.toml` may say, typed, with the meaning and unit of every option under it.

A plan lists stages that run one after the other. Each begins with the weights that the one before it left, and with a
fresh optimizer and a fresh learning-rate schedule. Paths are relative to the plan's folder. Reading costs milliseconds:
neither torch nor DeepSpeed is imported here.
"""

import difflib
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from forge.errors import RecipeError

SEEDS = 1 << 63
"""How many seeds there are: what torch and numpy both take."""


class ModelPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A Llama with random weights; the vocabulary's size comes from the manifest's tokenizer.

    Attributes:
        hidden_size: width of the residual stream.
        intermediate_size: width of the gated MLP.
        layers: decoder layers.
        heads: attention heads; must divide ``hidden_size`` into even widths.
        kv_heads: key/value heads (grouped-query attention); as many as ``heads`` if left out.
        tie_embeddings: one matrix for the input embeddings and the output layer.
        rope_theta: base of the rotary position embedding's wavelengths.
        max_positions: longest context, in tokens, that the exported model claims; the longest stage's if left out.
        initializer_range: standard deviation of the initial weights.
        attention: attention kernel of `transformers`; both keep packed documents apart.
    """

    hidden_size: int
    intermediate_size: int
    layers: int
    heads: int
    kv_heads: int | None = None
    tie_embeddings: bool = True
    rope_theta: float = 10000.0
    max_positions: int | None = None
    initializer_range: float = 0.02
    attention: Literal["sdpa", "eager"] = "sdpa"


class OptimizerPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """AdamW (arXiv 1711.05101).

    Attributes:
        beta1, beta2: decay of the running means of gradient and squared gradient.
        epsilon: added to the denominator.
        weight_decay: decoupled decay a step, times the learning rate; matrices only, norms have none.
        clip: the gradient's norm is cut to this; 0 for no cut.
    """

    beta1: float = 0.9
    beta2: float = 0.95
    epsilon: float = 1e-8
    weight_decay: float = 0.1
    clip: float = 1.0


class StagePlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One stage.

    Attributes:
        name: how metrics and plots call it.
        manifest: the export's ``manifest.json``, relative to the plan.
        tokens: how many tokens to train on, rounded up to whole steps. Give this or ``steps``.
        steps: how many optimizer steps to take.
        sequence_length: tokens a row; documents are packed into rows and do not see each other.
        batch: rows an optimizer step, over all processes.
        micro_batch: rows a forward pass in one process; ``batch`` divided by the processes if left out.
        learning_rate: the schedule's peak.
        schedule: after the warm-up: ``cosine`` falls to ``floor`` along half a cosine, ``wsd`` stays and falls linearly
            to ``floor`` over the last ``decay`` of the steps, ``constant`` stays.
        warmup: steps over which the rate rises linearly to its peak; a number below 1 is a share of the stage.
        floor: the last rate, as a share of the peak.
        decay: share of the steps in which ``wsd`` falls, 0 to 1.
        loss_mask: ``all`` takes the loss on every token, ``assistant`` on those that the shards' masks mark.
    """

    name: str
    manifest: str
    tokens: int | None = None
    steps: int | None = None
    sequence_length: int = 256
    batch: int = 8
    micro_batch: int | None = None
    learning_rate: float = 1e-3
    schedule: Literal["cosine", "wsd", "constant"] = "cosine"
    warmup: float = 0.02
    floor: float = 0.1
    decay: float = 0.2
    loss_mask: Literal["all", "assistant"] = "all"

    @property
    def total_steps(self) -> int:
        """Optimizer steps of the stage."""
        return self.steps if self.steps is not None else math.ceil((self.tokens or 0) / self.tokens_per_step)

    @property
    def tokens_per_step(self) -> int:
        """Tokens that one optimizer step reads, over all processes."""
        return self.batch * self.sequence_length


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"stages": "stage"}):
    """A whole plan.

    Attributes:
        model: the model's shape.
        stages: ``[[stage]]`` tables, in order.
        optimizer: shared by all stages.
        seed: of the initial weights and of the order of samples; 0 up to 2**63 - 1.
        output: folder for checkpoints, metrics and the model, relative to the plan.
        threads: CPU threads a process; torch's own choice if left out.
        precision: ``auto`` is fp32 on a CPU and bf16 (with fp32 master weights) on a GPU.
        checkpoint_every: optimizer steps between checkpoints; each stage's end has one in any case.
        keep_checkpoints: how many of the newest checkpoints stay on the disk.
        log_every: optimizer steps between lines of ``metrics.jsonl``.
    """

    model: ModelPlan
    stages: list[StagePlan]
    optimizer: OptimizerPlan = OptimizerPlan()
    seed: int = 0
    output: str = "training"
    threads: int | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    checkpoint_every: int = 200
    keep_checkpoints: int = 2
    log_every: int = 1


def load_plan(path: Path) -> Plan:
    """Read and check a plan.

    Raises:
        RecipeError: the file is missing or no TOML, or a key is unknown, missing, or of the wrong type or range.
    """
    if not path.is_file():
        raise RecipeError("no such plan; give the path of a plan.toml", file=path)
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"not TOML: {error}", file=path) from error
    _check_keys(raw, path)
    try:
        plan = msgspec.convert(raw, Plan)
    except msgspec.ValidationError as error:
        raise RecipeError(str(error).replace("Object missing", "missing"), file=path) from error
    _check_values(plan, path)
    return plan


def _check_keys(raw: Mapping[str, Any], path: Path) -> None:
    tables: list[tuple[str, Any, type[msgspec.Struct]]] = [("", raw, Plan)]
    tables += [("model.", raw.get("model"), ModelPlan), ("optimizer.", raw.get("optimizer"), OptimizerPlan)]
    stages = raw.get("stage")
    if isinstance(stages, list):
        tables += [(f"stage[{index}].", stage, StagePlan) for index, stage in enumerate(stages)]
    for prefix, table, kind in tables:
        known = [field.encode_name for field in msgspec.structs.fields(kind)]
        for key in table if isinstance(table, Mapping) else ():
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
                hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"
                raise RecipeError(f"unknown key; {hint}", file=path, key=prefix + key)


def _check_values(plan: Plan, path: Path) -> None:
    if not plan.stages:
        raise RecipeError("a plan needs at least one [[stage]]", file=path, key="stage")
    if not 0 <= plan.seed < SEEDS:
        raise RecipeError(f"must be at least 0 and below 2**63, is {plan.seed}", file=path, key="seed")
    _check_model(plan.model, path)
    for key in ("checkpoint_every", "keep_checkpoints", "log_every"):
        _positive(getattr(plan, key), key=key, file=path)
    if plan.threads is not None:
        _positive(plan.threads, key="threads", file=path)
    names = [stage.name for stage in plan.stages]
    if len(set(names)) != len(names):
        raise RecipeError(f"two stages have one name: {names}", file=path, key="stage")
    for index, stage in enumerate(plan.stages):
        _check_stage(stage, f"stage[{index}].", path)


def _check_model(model: ModelPlan, path: Path) -> None:
    for key in ("hidden_size", "intermediate_size", "layers", "heads"):
        _positive(getattr(model, key), key=f"model.{key}", file=path)
    if model.hidden_size % (2 * model.heads):
        raise RecipeError(
            f"{model.heads} heads do not divide hidden_size {model.hidden_size} into even widths",
            file=path,
            key="model.heads",
        )
    if model.kv_heads is not None and (model.kv_heads < 1 or model.heads % model.kv_heads):
        raise RecipeError(f"must divide heads ({model.heads})", file=path, key="model.kv_heads")


def _check_stage(stage: StagePlan, prefix: str, path: Path) -> None:
    if (stage.tokens is None) == (stage.steps is None):
        raise RecipeError("give either tokens or steps", file=path, key=prefix + "tokens")
    for key in ("tokens", "steps", "sequence_length", "batch", "micro_batch", "learning_rate"):
        value = getattr(stage, key)
        if value is not None:
            _positive(value, key=prefix + key, file=path)
    for key in ("floor", "decay"):
        if not 0 <= getattr(stage, key) <= 1:
            raise RecipeError("must lie between 0 and 1", file=path, key=prefix + key)
    if stage.warmup < 0:
        raise RecipeError("must not be negative", file=path, key=prefix + "warmup")


def _positive(value: float, *, key: str, file: Path) -> None:
    if value <= 0:
        raise RecipeError(f"must be above 0, is {value}", file=file, key=key)
