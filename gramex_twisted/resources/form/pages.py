"""The page of a table: what it knows of the request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gramex_twisted.data.formats.filtering import asked
from gramex_twisted.data.formats.page import Page, Section
from gramex_twisted.resources.form.asking import Ask
from gramex_twisted.resources.form.assets import ASSET
from gramex_twisted.resources.form.chosen import Format
from gramex_twisted.resources.form.reading import Found

if TYPE_CHECKING:
    from gramex_twisted.resources.form.handler import FormHandler
    from gramex_twisted.web.context import Context

OFFERED = ("csv", "xlsx", "json", "parquet")


def turned(context: Context, asks: Sequence[Ask], found: Sequence[Found]) -> str | None:
    """Where to go when the page's form for filters has been sent."""
    schemas = {ask.own.name: each.schema for ask, each in zip(asks, found, strict=True)}
    target = asked(context.args, schemas)
    return None if target is None else f"{context.xrequest_uri.partition('?')[0]}{target}"


def page_of(
    handler: FormHandler, context: Context, asks: Sequence[Ask], found: Sequence[Found], chosen: Format
) -> Page | None:
    """What the page shows beside the rows; None for formats that are no pages."""
    if chosen.info.module not in ("htmlpage", "vega"):
        return None
    sections: dict[str, Section] = {}
    for ask, each in zip(asks, found, strict=True):
        for name, query in each.queries.items():
            key = f"{ask.own.name}:{name}" if name and not handler.sets.single else name or ask.own.name
            after = each.after if not name else None
            own = "" if handler.sets.single else ask.own.name
            sections[key] = Section(each.schema, query, each.counts.get(name), after, dataset=own)
    offered = [name for name in OFFERED if len(sections) == 1 or not handler.formats.formats[name].info.single_only]
    path = context.xrequest_uri.partition("?")[0]
    return Page(context.args, sections, path, formats=offered, assets=f"{path}?{ASSET}=")
