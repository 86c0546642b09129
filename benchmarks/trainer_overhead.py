"""What DeepSpeed and our loop cost: tokens a second of one model on one batch, three ways.

``bare``: a plain torch loop, loss from full logits. ``chunked``: the same loop with the trainer's loss. ``engine``: the
trainer's step, DeepSpeed included. Run it on an idle machine, from the root of the repository:

    python benchmarks/trainer_overhead.py examples/quickstart

Rates are tokens a CPU second, so that a busy neighbour disturbs them less; wall rates stand beside them.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from forge_trainer.engine import StageEngine, joined
from forge_trainer.loss import reference_loss
from forge_trainer.model import TrainedModel, build_model, parameter_groups
from forge_trainer.plan import load_plan

VOCABULARY = 16_384


def rate(step: Callable[[], object], *, tokens: int, seconds: float = 8.0) -> tuple[float, float]:
    """Tokens a CPU second and a wall second, after a warm-up of two steps."""
    for _ in range(2):
        step()
    wall, cpu, steps = time.monotonic(), time.process_time(), 0
    while time.monotonic() - wall < seconds:
        step()
        steps += 1
    done = steps * tokens
    return done / (time.process_time() - cpu), done / (time.monotonic() - wall)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("examples/quickstart")
    plan = load_plan(folder / "plan.toml")
    stage = plan.stages[0]
    shape = (stage.batch, stage.sequence_length)
    tokens, labels = torch.randint(0, VOCABULARY, shape), torch.randint(0, VOCABULARY, shape)
    positions = (torch.arange(shape[1]) % 100).expand(shape).contiguous()

    def fresh() -> tuple[TrainedModel, torch.optim.Optimizer]:
        module = TrainedModel(build_model(plan, vocab_size=VOCABULARY, eos_id=0))
        groups = parameter_groups(module, weight_decay=plan.optimizer.weight_decay)
        return module, torch.optim.AdamW(groups, lr=1e-3, fused=True)

    def loop(loss: Callable[[TrainedModel], torch.Tensor]) -> tuple[float, float]:
        module, optimizer = fresh()

        def step() -> None:
            (loss(module) / tokens.numel()).backward()
            torch.nn.utils.clip_grad_norm_(module.parameters(), plan.optimizer.clip)
            optimizer.step()
            optimizer.zero_grad()

        return rate(step, tokens=tokens.numel())

    def full(module: TrainedModel) -> torch.Tensor:
        logits = module.model(input_ids=tokens, position_ids=positions, use_cache=False).logits
        return reference_loss(logits, labels)

    with joined(plan) as world:
        results = {"bare": loop(full), "chunked": loop(lambda module: module(tokens, positions, labels))}
        engine = StageEngine(fresh()[0], plan=plan, stage=stage, micro_batch=stage.batch, world=world)
        batch = [(tokens, positions, labels)]
        results["engine"] = rate(lambda: engine.step(batch, learning_rate=1e-3).item(), tokens=tokens.numel())
        engine.close()
    for name, (cpu, wall) in results.items():
        print(f"{name:8} {cpu:8,.0f} tokens/CPU s  {wall:8,.0f} tokens/s  on {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
