"""Source ``files``, and the readers of jsonl, json, parquet and WARC that others share."""
