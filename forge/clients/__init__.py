"""The HTTP client that `Context` hands out."""
