"""Schemas of the custom resources that the charts make, for CloudNativePG, the RabbitMQ cluster operator and KEDA.

They are written here, from what the operators' documentation says of the fields, and have just the fields that the
charts use: the operators' own definitions are in no package that could be installed for tests. So they find a
field that is misspelt or has a value of the wrong kind; that the operators do with it what is meant they cannot
tell.
"""

from typing import Any

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string", "minLength": 1}
_COUNT: Schema = {"type": "integer", "minimum": 1}
_LABELS: Schema = {"type": "object", "additionalProperties": _TEXT}
_QUANTITY: Schema = {"type": "string", "pattern": r"^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"}


def _only(required: dict[str, Schema], **others: Schema) -> Schema:
    """An object with these fields and no other."""
    return {
        "type": "object",
        "properties": required | others,
        "required": list(required),
        "additionalProperties": False,
    }


def _resource(version: str, kind: str, spec: Schema) -> Schema:
    metadata = _only({"name": _TEXT}, labels=_LABELS, annotations=_LABELS)
    return _only({"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": metadata, "spec": spec})


_AMOUNTS = _only({"cpu": _QUANTITY, "memory": _QUANTITY})
_RESOURCES = _only({"requests": _AMOUNTS, "limits": _AMOUNTS})
_VOLUME = _only({"size": _QUANTITY}, storageClass=_TEXT)

_CLUSTER = _only(
    {"instances": _COUNT, "storage": _VOLUME},
    imageName=_TEXT,
    primaryUpdateStrategy={"enum": ["unsupervised", "supervised"]},
    enableSuperuserAccess={"type": "boolean"},
    bootstrap=_only({"initdb": _only({"database": _TEXT, "owner": _TEXT})}),
    postgresql=_only(
        {},
        parameters=_LABELS,  # of text, also where PostgreSQL has numbers
        synchronous=_only(
            {"method": {"enum": ["any", "first"]}, "number": _COUNT},
            dataDurability={"enum": ["required", "preferred"]},
        ),
    ),
    walStorage=_VOLUME,
    resources=_RESOURCES,
    affinity=_only(
        {},
        enablePodAntiAffinity={"type": "boolean"},
        podAntiAffinityType={"enum": ["preferred", "required"]},
        topologyKey=_TEXT,
    ),
    # The operator's affair, and left to who installs it.
    backup={"type": "object"},
)

_PREFERRED = _only(
    {
        "weight": {"type": "integer", "minimum": 1, "maximum": 100},
        "podAffinityTerm": _only({"topologyKey": _TEXT, "labelSelector": _only({"matchLabels": _LABELS})}),
    }
)
_RABBITMQ_CLUSTER = _only(
    {"replicas": {"enum": [1, 3, 5]}},
    image=_TEXT,
    persistence=_only({"storage": _QUANTITY}, storageClassName=_TEXT),
    resources=_RESOURCES,
    terminationGracePeriodSeconds=_COUNT,
    affinity=_only(
        {
            "podAntiAffinity": _only(
                {"preferredDuringSchedulingIgnoredDuringExecution": {"type": "array", "items": _PREFERRED}}
            )
        }
    ),
    rabbitmq=_only({}, additionalConfig=_TEXT, additionalPlugins={"type": "array", "items": _TEXT}),
)

_RABBITMQ_TRIGGER = _only(
    {
        "type": {"const": "rabbitmq"},
        # Of text, as all that a trigger is told.
        "metadata": _only(
            {"queueName": _TEXT, "mode": {"enum": ["QueueLength", "MessageRate"]}, "value": _TEXT},
            host={"type": "string", "pattern": "^amqp://[^@]+/$"},
            protocol={"enum": ["amqp", "http", "auto"]},
        ),
        "authenticationRef": _only({"name": _TEXT}),
    }
)
_SCALED_OBJECT = _only(
    {
        "scaleTargetRef": _only({"name": _TEXT}),
        "triggers": {"type": "array", "minItems": 1, "items": _RABBITMQ_TRIGGER},
    },
    pollingInterval=_COUNT,
    minReplicaCount={"type": "integer", "minimum": 0},
    maxReplicaCount=_COUNT,
    advanced=_only(
        {
            "horizontalPodAutoscalerConfig": _only(
                {"behavior": _only({"scaleDown": _only({"stabilizationWindowSeconds": _COUNT})})}
            )
        }
    ),
)
_TRIGGER_AUTHENTICATION = _only(
    {
        "secretTargetRef": {
            "type": "array",
            "minItems": 1,
            "items": _only({"parameter": {"enum": ["username", "password"]}, "name": _TEXT, "key": _TEXT}),
        }
    }
)

#: By kind.
SCHEMAS: dict[str, Schema] = {
    "Cluster": _resource("postgresql.cnpg.io/v1", "Cluster", _CLUSTER),
    "RabbitmqCluster": _resource("rabbitmq.com/v1beta1", "RabbitmqCluster", _RABBITMQ_CLUSTER),
    "ScaledObject": _resource("keda.sh/v1alpha1", "ScaledObject", _SCALED_OBJECT),
    "TriggerAuthentication": _resource("keda.sh/v1alpha1", "TriggerAuthentication", _TRIGGER_AUTHENTICATION),
}
