"""What models of a pipeline tag take and give, as JSON Schema, where that is well defined.

Shapes are those of the hub's inference interface: ``inputs`` and the parameters that a task commonly has. Tags that are
missing here (reinforcement learning, robotics, ...) have no agreed interface. Cost: none; data only.

Source: the task pages of the hub and the pipelines of transformers.
"""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

_NUMBER: Schema = {"type": "number"}
_STRING: Schema = {"type": "string"}
_LABELS: Schema = {
    "type": "array",
    "items": {"type": "object", "properties": {"label": _STRING, "score": _NUMBER}, "required": ["label", "score"]},
}
_CORNER: Schema = {"type": "integer"}
_BOX: Schema = {
    "type": "object",
    "properties": {"xmin": _CORNER, "ymin": _CORNER, "xmax": _CORNER, "ymax": _CORNER},
}
_VECTOR: Schema = {"type": "array", "items": _NUMBER}


def _input(description: str, **more: Schema) -> Schema:
    inputs = {"type": "string", "description": description}
    return {"type": "object", "properties": {"inputs": inputs, **more}, "required": ["inputs"]}


def _fields(description: str, fields: Mapping[str, str], **more: Schema) -> Schema:
    """``inputs`` as an object of described texts, all of them needed."""
    properties = {name: {"type": "string", "description": text} for name, text in fields.items()}
    inputs = {"type": "object", "description": description, "properties": properties, "required": list(fields)}
    return {"type": "object", "properties": {"inputs": inputs, **more}, "required": ["inputs"]}


def _list_of(**fields: Schema) -> Schema:
    return {"type": "array", "items": {"type": "object", "properties": fields}}


def _object_of(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields}


def _option(kind: str, description: str) -> Schema:
    return {"type": kind, "description": description}


_TOP_K = _option("integer", "How many of the best labels to give")
_NEW_TOKENS = _option("integer", "Most tokens to generate")
_TEMPERATURE = _option("number", "Sharpness of sampling: near 0 takes the likeliest token")
_SAMPLE = _option("boolean", "Draw tokens at random instead of taking the likeliest")
_LABEL_LIST: Schema = {"type": "array", "items": _STRING, "description": "Labels to choose from"}
_IMAGE = "The image: an address, a path, or its bytes in base64"
_AUDIO = "The recording: an address, a path, or its bytes in base64"
_GENERATION: Mapping[str, Schema] = {
    "max_new_tokens": _NEW_TOKENS,
    "temperature": _TEMPERATURE,
    "do_sample": _SAMPLE,
}

TASKS: Mapping[str, tuple[Schema, Schema]] = {
    "text-classification": (_input("The text to classify", top_k=_TOP_K), _LABELS),
    "zero-shot-classification": (
        {
            "type": "object",
            "properties": {
                "inputs": _option("string", "The text to classify"),
                "candidate_labels": _LABEL_LIST,
                "multi_label": _option("boolean", "Whether more than one label may hold"),
            },
            "required": ["inputs", "candidate_labels"],
        },
        _LABELS,
    ),
    "token-classification": (
        _input("The text in which to find entities", aggregation_strategy=_option("string", "How tokens are joined")),
        _list_of(entity_group=_STRING, score=_NUMBER, word=_STRING, start={"type": "integer"}, end={"type": "integer"}),
    ),
    "text-generation": (_input("The prompt to continue", **_GENERATION), _list_of(generated_text=_STRING)),
    "text2text-generation": (_input("The text to transform", **_GENERATION), _list_of(generated_text=_STRING)),
    "summarization": (_input("The text to sum up", max_length=_NEW_TOKENS), _list_of(summary_text=_STRING)),
    "translation": (
        _input(
            "The text to translate",
            src_lang=_option("string", "Language of the text, where the model has several"),
            tgt_lang=_option("string", "Language to translate to, where the model has several"),
        ),
        _list_of(translation_text=_STRING),
    ),
    "fill-mask": (
        _input("A text with the model's mask token in it", top_k=_TOP_K),
        _list_of(sequence=_STRING, score=_NUMBER, token={"type": "integer"}, token_str=_STRING),
    ),
    "question-answering": (
        _fields(
            "A question and the text that answers it",
            {"question": "What is asked", "context": "The text that holds the answer"},
            top_k=_TOP_K,
        ),
        _object_of(answer=_STRING, score=_NUMBER, start={"type": "integer"}, end={"type": "integer"}),
    ),
    "sentence-similarity": (
        {
            "type": "object",
            "properties": {
                "inputs": {
                    "type": "object",
                    "properties": {
                        "source_sentence": _option("string", "The sentence to compare with"),
                        "sentences": {"type": "array", "items": _STRING, "description": "The sentences to compare"},
                    },
                    "required": ["source_sentence", "sentences"],
                }
            },
            "required": ["inputs"],
        },
        _VECTOR,
    ),
    "feature-extraction": (_input("The text to turn into vectors"), {"type": "array", "items": _VECTOR}),
    "image-classification": (_input(_IMAGE, top_k=_TOP_K), _LABELS),
    "zero-shot-image-classification": (_input(_IMAGE, candidate_labels=_LABEL_LIST), _LABELS),
    "object-detection": (
        _input(_IMAGE, threshold=_option("number", "Lowest score of a box that is given")),
        _list_of(label=_STRING, score=_NUMBER, box=_BOX),
    ),
    "image-segmentation": (_input(_IMAGE), _list_of(label=_STRING, score=_NUMBER, mask=_STRING)),
    "depth-estimation": (_input(_IMAGE), _object_of(predicted_depth={"type": "array"}, depth=_STRING)),
    "image-to-text": (_input(_IMAGE, max_new_tokens=_NEW_TOKENS), _list_of(generated_text=_STRING)),
    "visual-question-answering": (
        _fields("An image and a question about it", {"image": _IMAGE, "question": "What is asked"}, top_k=_TOP_K),
        _list_of(answer=_STRING, score=_NUMBER),
    ),
    "document-question-answering": (
        _fields("An image of a page and a question", {"image": _IMAGE, "question": "What is asked"}, top_k=_TOP_K),
        _list_of(answer=_STRING, score=_NUMBER),
    ),
    "text-to-image": (
        _input(
            "What the image should show",
            negative_prompt=_option("string", "What it should not show"),
            num_inference_steps=_option("integer", "Steps of denoising"),
            guidance_scale=_option("number", "How closely to keep to the prompt"),
            width=_option("integer", "Width in pixels"),
            height=_option("integer", "Height in pixels"),
        ),
        _option("string", "The image, as bytes"),
    ),
    "automatic-speech-recognition": (
        _input(_AUDIO, return_timestamps=_option("boolean", "Whether to say when each piece was spoken")),
        _object_of(text=_STRING, chunks={"type": "array"}),
    ),
    "audio-classification": (_input(_AUDIO, top_k=_TOP_K), _LABELS),
    "text-to-speech": (_input("The text to speak"), _object_of(audio=_STRING, sampling_rate={"type": "integer"})),
    "video-classification": (_input("The video: an address or a path", top_k=_TOP_K), _LABELS),
    "table-question-answering": (
        {
            "type": "object",
            "properties": {
                "inputs": {
                    "type": "object",
                    "properties": {
                        "table": _option("object", "Columns by name, each a list of texts"),
                        "query": _option("string", "What is asked"),
                    },
                    "required": ["table", "query"],
                }
            },
            "required": ["inputs"],
        },
        _object_of(answer=_STRING, cells={"type": "array", "items": _STRING}, aggregator=_STRING),
    ),
}
"""Input and output by pipeline tag."""
