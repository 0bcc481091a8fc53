"""How an option is written down, in YAML or in a handler class."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from gramex_twisted.config.model import Model
from gramex_twisted.options.arguments import LOCATIONS
from gramex_twisted.options.translator import translations

#: The types that YAML can name.
TYPES: dict[str, type[Any]] = {kind.__name__: kind for kind in (str, int, float, bool, list, tuple, set, dict)}
_PLACES = (*LOCATIONS, "body")


def _type(value: Any) -> Any:
    if isinstance(value, str):
        if value in TYPES:
            return TYPES[value]
        close = get_close_matches(value, TYPES, 1)
        meant = f"; did you mean '{close[0]}'?" if close else ""
        raise ValueError(f"'{value}' is no type, use {', '.join(TYPES)}{meant}")
    if not isinstance(value, type):
        raise ValueError(f"{value!r} is no type, use {', '.join(TYPES)}")
    return value


def _item_type(value: Any) -> Any:
    return None if value is None else _type(value)


def _places(value: Any) -> Any:
    names = (value,) if isinstance(value, str) else value
    for name in names or ():
        if name not in _PLACES:
            raise ValueError(f"{name!r} is no place of arguments, use {', '.join(_PLACES)}")
    return None if names is None else tuple(names)


def _names(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _enum(value: Any) -> Any:
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        raise ValueError("must be a list of what is allowed")
    return tuple(value)


def _number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("must be a number")
    return value


Names = Annotated[tuple[str, ...], BeforeValidator(_names, json_schema_input_type=str | list[str])]
Limit = Annotated[Any, BeforeValidator(_number, json_schema_input_type=float | None)]

Translations = Annotated[Any, AfterValidator(translations), Field(json_schema_extra={"type": ["object", "array"]})]


class Definition(Model):
    """One option of an API."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    type: Annotated[Any, BeforeValidator(_type, json_schema_input_type=str)] = Field(
        default_factory=lambda: str,
        description="What the value becomes: `str, int, float, bool, list, tuple, set` or `dict`.",
    )
    default: Any = Field(default=None, description="The value where none was sent; null gives None.")
    required: bool = Field(default=False, description="true: a request without it is refused.")
    location: Annotated[Any, BeforeValidator(_places, json_schema_input_type=str | list[str] | None)] = Field(
        default=None,
        description="Where it may be sent, tried in order: `path, query, form, json, yaml`; `body` is the last three.",
    )
    alias: Names = Field(default=(), description="Other names for it.")
    path: int | str | None = Field(default=None, description="The number (from 0) or name of the pattern's group.")
    enum: Annotated[Any, BeforeValidator(_enum, json_schema_input_type=list[Any])] = Field(
        default=(), description="What it must be one of; each item of a list."
    )
    min: Limit = Field(default=None, description="The smallest number, or length of a list.")
    max: Limit = Field(default=None, description="The largest number, or length of a list.")
    date_format: str | None = Field(default=None, description="What `strptime` must understand, such as `%Y-%m-%d`.")
    items: Annotated[Any, BeforeValidator(_item_type, json_schema_input_type=str | None)] = Field(
        default=None, description="What each item of a list becomes: a type, as above."
    )
    strict: bool = Field(
        default=True, description="false: `1.9` is an int, and a JSON value of another type is converted."
    )
    jsoninput: bool = Field(default=False, description="true: a form's value is tried as JSON first.")
    translations: Translations = Field(
        default=(), description="Regular expression -> replacement, applied in order; pairs or a mapping."
    )
    group: Names = Field(default=(), description="Where the value is nested in the result: `args.<group>.<name>`.")
    description: str = Field(default="", description="What it is for, in the API's document.")

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, data: Any) -> Any:
        """As for every model, but for ``default``, where null is a value."""
        if not isinstance(data, dict):
            return data
        return {key: value for key, value in data.items() if value is not None or key == "default"}

    @model_validator(mode="after")
    def _agree(self) -> Definition:
        if self.min is not None and self.max is not None and self.max < self.min:
            raise ValueError(f"max {self.max} is below min {self.min}")
        if self.items is not None and self.type not in (list, tuple, set):
            raise ValueError("items: is for a list, tuple or set")
        if self.location == ("path",) and self.path is None:
            raise ValueError("location: path needs the group's number or name in path:")
        return self

    @property
    def has_default(self) -> bool:
        """Whether ``default`` is written, be it null."""
        return "default" in self.model_fields_set
