"""The trainer: staged continual pre-training on exported shards, on DeepSpeed."""
