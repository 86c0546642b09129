"""How large a plan's model is, by arithmetic: costs nothing, where building it costs torch."""

from forge_trainer.plan import Plan


def parameter_count(plan: Plan, *, vocab_size: int) -> int:
    """Parameters of the plan's model."""
    shape = plan.model
    width, head = shape.hidden_size, shape.hidden_size // shape.heads
    attention = width * head * (2 * shape.heads + 2 * (shape.kv_heads or shape.heads))
    layer = attention + 3 * width * shape.intermediate_size + 2 * width
    return vocab_size * width * (1 if shape.tie_embeddings else 2) + shape.layers * layer + width
