"""The trained model as a Hugging Face folder, and text from one.

The folder holds the weights in fp32 (safetensors), the configuration, the tokenizer and generation defaults, and loads
with `AutoModelForCausalLM` and `AutoTokenizer`. It is written beside its place and renamed into it.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

from forge.errors import CorpusError

READABLE = 0o644


def export_model(model: LlamaForCausalLM, folder: Path, *, tokenizer_path: Path, eos_id: int) -> None:
    """Write ``model`` and its tokenizer to ``folder``; an earlier one there is replaced.

    Raises:
        CorpusError: the tokenizer knows no token of that id.
    """
    eos = Tokenizer.from_file(str(tokenizer_path)).id_to_token(eos_id)
    if eos is None:
        raise CorpusError(f"{tokenizer_path}: holds no token {eos_id}, the manifest's end of text; export again")
    temporary = folder.with_name(f".{folder.name}.tmp")
    if temporary.exists():
        shutil.rmtree(temporary)
    model.config.use_cache = True
    model.generation_config = GenerationConfig(eos_token_id=eos_id, pad_token_id=eos_id)
    with _no_bars():
        model.save_pretrained(temporary)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(tokenizer_path),
        eos_token=eos,
        pad_token=eos,
        model_max_length=model.config.max_position_embeddings,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.save_pretrained(temporary)
    for path in temporary.iterdir():
        path.chmod(READABLE)  # safetensors leaves a file that its owner alone may read
    if folder.exists():
        shutil.rmtree(folder)
    temporary.rename(folder)


def generate(folder: Path, prompt: str, *, tokens: int = 64, temperature: float = 0.0, seed: int = 0) -> str:
    """Continue a prompt.

    Args:
        folder: a Hugging Face folder.
        prompt: any text; where it and the new tokens pass the model's context, its beginning is cut, down to half the
            context.
        tokens: at most so many new ones, and no more than the context has room for.
        temperature: 0 takes the likeliest token each time.
        seed: of the draws, where the temperature is above 0.

    Returns:
        What follows the prompt.

    Raises:
        CorpusError: there is no model in ``folder``.
    """
    if not (folder / "config.json").is_file():
        raise CorpusError(f"{folder}: no model here; run `forge-trainer run` and give the path of its model folder")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with _no_bars():
        model = AutoModelForCausalLM.from_pretrained(folder)
    model.eval()
    encoded = tokenizer(prompt or tokenizer.eos_token, return_tensors="pt").input_ids
    context = int(model.config.max_position_embeddings)
    encoded = encoded[:, -max(context - tokens, context // 2) :]
    room = min(tokens, context - encoded.shape[1])
    torch.manual_seed(seed)
    drawn = {"do_sample": True, "temperature": temperature} if temperature > 0 else {"do_sample": False}
    with torch.inference_mode():
        output = model.generate(encoded, attention_mask=torch.ones_like(encoded), max_new_tokens=room, **drawn)
    return str(tokenizer.decode(output[0, encoded.shape[1] :], skip_special_tokens=True))


@contextmanager
def _no_bars() -> Iterator[None]:
    """Without the progress bars that `transformers` draws around one small file."""
    enabled = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if enabled:
            logging.enable_progress_bar()
