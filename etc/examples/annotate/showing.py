"""What of a gene is shown: the fields that were asked for, nested or flat."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .genes import Gene


def shown(found: Gene, args: Any) -> Gene:
    """`found` as the arguments `fields` and `dotfield` want it."""
    chosen = some(found, args.fields) if args.fields and "all" not in args.fields else dict(found)
    return flat(chosen) if args.dotfield else chosen


def some(found: Gene, names: Iterable[str]) -> Gene:
    """The named fields, dots for what is inside. `_id` is always there."""
    result: Gene = {"_id": found["_id"]}
    for name in names:
        outer, dot, inner = name.partition(".")
        value = found.get(outer)
        if dot and isinstance(value, dict) and inner in value:
            result[outer] = result.get(outer, {}) | {inner: value[inner]}
        elif not dot and outer in found:
            result[outer] = value
    return result


def flat(found: Gene) -> Gene:
    """`{"ensembl": {"gene": ...}}` as `{"ensembl.gene": ...}`."""
    result: Gene = {}
    for name, value in found.items():
        if isinstance(value, dict):
            result |= {f"{name}.{inner}": item for inner, item in value.items()}
        else:
            result[name] = value
    return result
