"""The types of polars for what databases return."""

from __future__ import annotations

from typing import Any

from gramex_twisted.data.framecolumns import dtype_of
from gramex_twisted.data.schema import Schema
from gramex_twisted.data.types import Kind


def dtypes_of(schema: Schema) -> dict[str, Any]:
    """The polars type of each column of a Result."""
    import polars as pl

    return {field.name: pl.Object() if field.kind is Kind.OTHER else dtype_of(field.kind) for field in schema.fields}
