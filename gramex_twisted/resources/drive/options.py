"""The options of DriveHandler."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from gramex_twisted.config.model import Model, Size
from gramex_twisted.resources.form.options import FormOptions


def _names(value: Any) -> Any:
    """A name, a list of them, or (as Gramex 1.x takes it) a mapping of names."""
    if isinstance(value, str):
        return (value,)
    return tuple(name for name in value if name) if isinstance(value, list | tuple | dict) else value


def _extensions(value: Any) -> Any:
    names = _names(value)
    return tuple(str(name).lower() for name in names) if isinstance(names, tuple) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_names, json_schema_input_type=str | list[str] | dict[str, Any])]
Extensions = Annotated[tuple[str, ...], BeforeValidator(_extensions, json_schema_input_type=str | list[str])]


class Storage(Model):
    """Where the files are."""

    type: Literal["os"] = Field(default="os", description="`os`: in a folder of this machine.")


class DriveOptions(FormOptions):
    """DriveHandler keeps files in a folder, and what is known of them in a table, which it serves as FormHandler does.

    The columns are `id, file, ext, path, size, mime, date`, `user_<field>` and the tags.
    """

    path: str | None = Field(
        default=None, description="The folder of the files; default: `$GRAMEXDATA/drivehandler/<route>`."
    )
    url: Any = Field(default=None, description="The database of the table; default: SQLite in `<path>/.meta.db`.")
    table: Any = Field(default=None, description="The table's name; default: `drive`.")
    user_fields: Names = Field(default=(), description="Attributes of the user to keep: `[id, role]` in `user_id` ...")
    tags: Names = Field(default=(), description="Further columns, which forms fill by fields of the same name.")
    allow: Extensions = Field(default=(), description="Only files with these extensions, `[.doc]` (415).")
    ignore: Extensions = Field(default=(), description="No files with these extensions (415).")
    max_file_size: Size | None = Field(default=None, description="Longest file in bytes, `1GB` works too (413 above).")
    storage: Storage = Field(default=Storage(), description="Where files are kept: `{type: os}`.")


OWN = frozenset({"path", "user_fields", "tags", "allow", "ignore", "max_file_size", "storage"})
"""Options that FormHandler does not have."""
