"""Source ``botocore``: the service models of AWS."""
