"""JSON Schema of a gramex.yaml, for completion and hints in editors.

It accepts whatever ``gramex-twisted check`` accepts and more: what only a running app can know (functions, files) and
unknown keys are left to `check`.
"""

from __future__ import annotations

from typing import Any

from gramex_twisted.config.model import Model
from gramex_twisted.config.routes import BASE, PREFIX, Entry, Handlers
from gramex_twisted.config.schema import Sections
from gramex_twisted.errors import ConfigError

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HIDDEN = ("SetupFailedHandler",)
VARIABLE = {"type": "string", "pattern": r"\$"}
IMPORTS = {
    "import": {"description": "YAML files to merge in: a path, a list, or `name: path`."},
    "import.merge": {"description": "Keys to lift one level up."},
}


def json_schema(handlers: Handlers) -> dict[str, Any]:
    """The schema of the whole file, with the kwargs of every handler that can be imported."""
    definitions: dict[str, Any] = {}
    root = schema_of(Sections, "", definitions)
    kwargs = kwargs_schemas(handlers, definitions)
    properties = root["properties"]
    definitions["Route"] = route_schema(schema_of(Entry, "", definitions), handlers, kwargs)
    properties["url"]["additionalProperties"] = {"$ref": "#/$defs/Route"}
    properties["url"]["properties"] = dict(IMPORTS)
    properties["handlers"]["properties"] = {name: {"$ref": ref} for name, ref in kwargs.items()}
    properties.update(IMPORTS)
    loosen(root)
    for definition in definitions.values():
        loosen(definition)
    return {"$schema": DIALECT, "title": "gramex.yaml", **root, "$defs": definitions}


def schema_of(model: type[Model], prefix: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of ``model``; those of the models it uses go to ``definitions``, named with ``prefix``."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}{{model}}")
    for name, inner in schema.pop("$defs", {}).items():
        definitions[prefix + name] = inner
    return schema


def kwargs_schemas(handlers: Handlers, definitions: dict[str, Any]) -> dict[str, str]:
    """A reference to the schema of the kwargs of each handler."""
    references = {}
    for name in sorted({*handlers, BASE}):
        try:
            model = handlers.get(name) if name not in HIDDEN else None
        except ConfigError:
            continue  # an extra is missing: its options cannot be known here
        if model is not None:
            schema = schema_of(model, f"{name}.", definitions)
            schema.pop("required", None)  # `handlers:` may have it
            definitions[name] = schema
            references[name] = f"#/$defs/{name}"
    return references


def route_schema(schema: dict[str, Any], handlers: Handlers, kwargs: dict[str, str]) -> dict[str, Any]:
    """The schema of a route: the handler that it names decides about its kwargs."""
    names: dict[str, list[str]] = {}
    for name, target in [*((name, name) for name in kwargs if name != BASE), *handlers.aliases.items()]:
        if target in kwargs:
            names.setdefault(target, []).append(name)
    known = sorted(name for group in names.values() for name in group if name not in HIDDEN)
    for key in ("handler", "service"):
        kept = {word: schema["properties"][key][word] for word in ("description", "default")}
        schema["properties"][key] = {"anyOf": [{"enum": known}, {"type": "string"}], **kept}
    schema["allOf"] = [
        {
            "if": {"properties": {key: {"enum": [*group, *(PREFIX + name for name in group)]}}, "required": [key]},
            "then": {"properties": {"kwargs": {"anyOf": [{"$ref": kwargs[target]}, VARIABLE, {"type": "null"}]}}},
        }
        for target, group in sorted(names.items())
        for key in ("service", "handler")
    ]
    schema.pop("required")  # a condition or an import may bring the pattern
    return schema


def loosen(schema: Any) -> None:
    """Let every option be null (not written) or text with a $VARIABLE in it, whatever its type."""
    if not isinstance(schema, dict):
        return
    for name, option in schema.get("properties", {}).items():
        if not isinstance(option, dict) or name in IMPORTS:
            continue
        schema["properties"][name] = loosened(option)
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        schema["additionalProperties"] = loosened(values)


def loosened(option: dict[str, Any]) -> dict[str, Any]:
    """``option`` or null or a variable, with its description outside, where editors look for it."""
    loosen(option)
    notes: dict[str, Any] = {key: option.pop(key) for key in ("title", "description", "default") if key in option}
    if not option:
        return notes
    choices = option["anyOf"] if list(option) == ["anyOf"] else [option]
    return {**notes, "anyOf": [*choices, *(word for word in (VARIABLE, {"type": "null"}) if word not in choices)]}
