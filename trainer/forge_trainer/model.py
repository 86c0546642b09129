"""The model: a Llama of `transformers` with random weights, and the module that DeepSpeed trains.

Importing costs torch and transformers (3 s); only commands that train or generate do.
"""

from typing import Any

import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from forge_trainer.loss import summed_loss
from forge_trainer.plan import Plan


def build_model(plan: Plan, *, vocab_size: int, eos_id: int) -> LlamaForCausalLM:
    """A Llama with random weights in fp32, drawn from the plan's seed; the same at any world size."""
    shape = plan.model
    config = LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=shape.hidden_size,
        intermediate_size=shape.intermediate_size,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads or shape.heads,
        max_position_embeddings=shape.max_positions or max(stage.sequence_length for stage in plan.stages),
        rope_parameters={"rope_type": "default", "rope_theta": shape.rope_theta},
        initializer_range=shape.initializer_range,
        tie_word_embeddings=shape.tie_embeddings,
        bos_token_id=None,
        eos_token_id=eos_id,
        pad_token_id=eos_id,
        use_cache=False,
        attn_implementation=shape.attention,
    )
    torch.manual_seed(plan.seed)
    return LlamaForCausalLM(config)


class TrainedModel(nn.Module):
    """What DeepSpeed wraps: packed rows in, summed loss out."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor, positions: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Sum of the loss over labelled places; all arguments are (rows, sequence_length).

        No attention mask is passed: `transformers` keeps packed documents apart by their position ids only then.
        """
        states = self.model.model(input_ids=tokens, position_ids=positions, use_cache=False).last_hidden_state
        return summed_loss(states, self.model.lm_head.weight, labels)


def parameter_groups(module: nn.Module, *, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices with weight decay, vectors (norms) without."""
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    matrices = [parameter for parameter in parameters if parameter.ndim >= 2]
    vectors = [parameter for parameter in parameters if parameter.ndim < 2]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
