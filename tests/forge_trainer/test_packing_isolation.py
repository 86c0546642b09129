"""Documents packed into one row do not see each other, and the test can tell."""

import pytest
import torch

from forge_trainer.loss import reference_loss, summed_loss
from forge_trainer.model import TrainedModel, build_model
from forge_trainer.plan import ModelPlan, Plan, StagePlan

VOCABULARY = 97
LENGTHS = ((5, 9, 4, 6), (8, 1, 15, 0))


def build(attention: str) -> TrainedModel:
    shape = ModelPlan(hidden_size=32, intermediate_size=48, layers=2, heads=4, attention=attention)  # type: ignore[arg-type]
    stage = StagePlan(name="a", manifest="m", steps=1, sequence_length=24)
    # Large initial weights, so that a leak shows well above rounding.
    plan = Plan(model=shape, stages=[stage])
    torch.manual_seed(0)
    model = build_model(plan, vocab_size=VOCABULARY, eos_id=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(10.0 if parameter.ndim > 1 else 1.0)
    return TrainedModel(model)


def packed() -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    tokens = torch.randint(0, VOCABULARY, (2, 24))
    positions = torch.stack([torch.cat([torch.arange(length) for length in row]) for row in LENGTHS])
    return tokens, positions


def change(module: TrainedModel, **inputs: torch.Tensor) -> torch.Tensor:
    """How far each place's logits move when the second document of the first row is another."""
    tokens, _ = packed()
    perturbed = tokens.clone()
    perturbed[0, 5:14] = (perturbed[0, 5:14] + 1) % VOCABULARY
    with torch.inference_mode():
        before = module.model(input_ids=tokens, use_cache=False, **inputs).logits
        after = module.model(input_ids=perturbed, use_cache=False, **inputs).logits
    return (before - after).abs().amax(-1)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_documents_neighbours_do_not_move(attention: str) -> None:
    moved = change(build(attention), position_ids=packed()[1])
    assert moved[0, 5:14].min() > 1e-2
    assert moved[0, :5].max() <= 1e-6
    assert moved[0, 14:].max() <= 1e-6
    assert moved[1].max() <= 1e-6


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("wrong", ["mask of ones", "no positions"])
def test_the_check_above_would_see_a_leak(attention: str, wrong: str) -> None:
    inputs = {"position_ids": packed()[1], "attention_mask": torch.ones(2, 24, dtype=torch.long)}
    moved = change(build(attention), **(inputs if wrong == "mask of ones" else {}))
    assert moved[0, 14:].max() > 1e-2


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_a_packed_document_is_computed_as_if_alone(attention: str) -> None:
    module, (tokens, positions) = build(attention), packed()
    with torch.inference_mode():
        together = module.model(input_ids=tokens, position_ids=positions, use_cache=False).logits[0, 5:14]
        alone = module.model(input_ids=tokens[:1, 5:14], use_cache=False).logits[0]
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_the_chunked_loss_and_its_gradients_are_those_of_full_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forge_trainer.loss.CHUNK_BYTES", 4 * VOCABULARY * 16)
    torch.manual_seed(2)
    hidden = torch.randn(2, 24, 32, dtype=torch.float32, requires_grad=True)
    weight = torch.randn(VOCABULARY, 32, requires_grad=True)
    labels = torch.randint(0, VOCABULARY, (2, 24))
    labels[0, 3:9] = -100
    results = []
    for loss in (summed_loss(hidden, weight, labels), reference_loss(hidden @ weight.T, labels)):
        gradients = torch.autograd.grad(loss * 0.37, (hidden, weight))
        results.append((loss.detach(), *gradients))
    for ours, reference in zip(*results, strict=True):
        torch.testing.assert_close(ours, reference, atol=1e-4, rtol=1e-4)


def test_a_batch_without_labels_has_no_loss_and_no_gradient() -> None:
    hidden, weight = torch.randn(1, 4, 8, requires_grad=True), torch.randn(11, 8, requires_grad=True)
    loss = summed_loss(hidden, weight, torch.full((1, 4), -100))
    loss.backward()
    assert loss.item() == 0
    assert weight.grad is not None
    assert weight.grad.abs().max() == 0


def test_the_loss_of_improbable_labels_stays_finite() -> None:
    weight = torch.eye(4) * 200
    loss = summed_loss(torch.eye(4)[None, :1], weight, torch.tensor([[2]]))
    assert loss.item() == pytest.approx(200.0)
