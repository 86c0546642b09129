"""Names of AWS operations that agree with APIs.guru's, so that an operation that both sources know has one identity.

Source: the aws2openapi conversion of AWS's models, as found in the APIs.guru collection.
"""

from collections.abc import Mapping, Sequence

from forge_sources.openapi.document import text_of
from forge_sources.schema_keywords import Node

# Services that APIs.guru names otherwise than botocore's folders do.
SERVICE_NAMES: Mapping[str, str] = {
    "cloudwatch": "monitoring",
    "dynamodbstreams": "streams.dynamodb",
    "efs": "elasticfilesystem",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancingv2",
    "emr": "elasticmapreduce",
    "lex-runtime": "runtime.lex",
    "lexv2-models": "models.lex.v2",
    "lexv2-runtime": "runtime.lex.v2",
    "marketplace-entitlement": "entitlement.marketplace",
    "mgh": "AWSMigrationHub",
    "mturk": "mturk-requester",
    "sagemaker-runtime": "runtime.sagemaker",
    "ses": "email",
    "stepfunctions": "states",
}


def path_of(metadata: Node, name: str, uri: str, *, members: Sequence[tuple[str, Node, bool]]) -> str:
    """The operation's path as APIs.guru writes it: unique within a service, what is no path behind ``#``."""
    target = text_of(metadata.get("targetPrefix"))
    if uri in ("", "/") and target:
        return f"/#X-Amz-Target={target}.{name}"
    if uri in ("", "/") and text_of(metadata.get("protocol")) in ("query", "ec2"):
        return f"/#Action={name}"
    path, _, query = uri.replace("+}", "}").partition("?")
    needed = [query] if query else []
    for _, member, required in members:
        if required and member.get("location") in ("querystring", "header"):
            needed.append(text_of(member.get("locationName")))
    return f"{path}#{'&'.join(needed)}" if needed else path
