"""Source ``google-discovery``: the discovery documents of Google's APIs."""
