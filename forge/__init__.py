"""The forge: records, contracts, plugin host and engine of a corpus builder for agent pre-training."""

__version__ = "0.1.0"
