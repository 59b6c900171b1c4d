"""JSON Schema of a marshmallow schema, by apispec. A field of our own says itself what it takes, by a method
`json_schema()`."""

from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

OPENAPI_VERSION = "3.1.0"


class Forms(MarshmallowPlugin):
    """apispec's plugin, which knows our fields."""

    def __init__(self) -> None:
        super().__init__(schema_name_resolver=_name)

    def init_spec(self, spec: APISpec) -> None:
        super().init_spec(spec)
        converter: Any = self.converter  # which has no types of its own
        converter.add_attribute_function(_own_schema)


def members(form: Schema) -> dict[str, Any]:
    """What each of a form's fields may hold, by its name."""
    forms = Forms()
    APISpec("", "", OPENAPI_VERSION, plugins=[forms])
    converter: Any = forms.converter
    return dict(converter.schema2jsonschema(form)["properties"])


def _own_schema(self: object, field: fields.Field[Any], **kwargs: Any) -> dict[str, Any]:
    """For apispec: what one of our fields says of itself."""
    if not hasattr(field, "json_schema"):
        return {}
    said = dict(field.json_schema())
    if field.allow_none and "type" in said:
        said["type"] = [said["type"], "null"]
    return said


def _name(schema: Any) -> str:
    """_ItemSchema is Item."""
    kind = schema if isinstance(schema, type) else type(schema)
    return kind.__name__.strip("_").removesuffix("Schema")
