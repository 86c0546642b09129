"""Sources ``hf-dataset`` and ``huggingface``: data sets and model cards of the Hugging Face hub."""
