"""The base of every option model: of ``app:``, of a route, of each handler's kwargs.

A model documents its options where it declares them: every field has a description, from which the reference page, the
JSON Schema for editors and the messages of ``gramex-twisted check`` are made.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticKnownError

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def parse_size(value: Any) -> Any:
    """Bytes of ``"100MB"``, ``"64 KB"`` or ``"1.5GiB"`` (all powers of 1024). Anything else is returned as it is."""
    found = SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    return int(float(found[1]) * UNITS[found[2].upper()]) if found else no_bool(value)


def no_bool(value: Any) -> Any:
    """``value``, unless it is true or false, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticKnownError("float_type")
    return value


Count = Annotated[int, BeforeValidator(no_bool)]
"""A whole number."""

Size = Annotated[int, Field(ge=0), BeforeValidator(parse_size, json_schema_input_type=int | str)]
"""Bytes: a whole number, or text such as ``100MB``."""

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(no_bool)]
"""A duration in seconds."""


class Model(BaseModel):
    """Frozen options. A key whose value is null counts as not written, so that its default holds.

    Keys that the model does not know are kept. ``schema.build`` reports them: as an error with "did you mean" when
    they are close to a known key, else as a warning. A subclass whose unknown keys have a meaning of their own (such
    as names of datasets) sets ``extras = "keep"``, and they are taken without a word.
    """

    model_config = ConfigDict(frozen=True, extra="allow", coerce_numbers_to_str=True, populate_by_name=True)

    extras: ClassVar[Literal["warn", "keep"]] = "warn"

    legacy: ClassVar[frozenset[str]] = frozenset()
    """Keys of Gramex 1.x without an effect here: warned about, but never taken for a slip of the pen."""

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        if not isinstance(data, dict) or None not in data.values():
            return data
        known = known_keys(cls)
        return {key: value for key, value in data.items() if value is not None or key not in known}


def known_keys(model: type[BaseModel]) -> dict[str, str]:
    """Every key that may be written in YAML for ``model``, with the name of the field that it sets."""
    keys: dict[str, str] = {}
    for name, field in model.model_fields.items():
        keys[name] = name
        if field.alias:
            keys[field.alias] = name
    return keys
