"""What is known of the elements, as an API: one by its symbol, number or name, many at once, those of a query."""

from __future__ import annotations

import operator
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.api import BaseAPIHandler
from gramex_twisted.web.context import Context
from notebook.table import ELEMENTS, Element

Record = dict[str, Any]
UNITS = {"mass": "u", "density": "g/cm3", "melts": "K", "boils": "K"}
COMPARE = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}


def record(element: Element) -> Record:
    """One element, as the API shows it."""
    heat = {"melts": element.melts, "boils": element.boils}
    own = {key: value for key, value in asdict(element).items() if key not in heat}
    wiki = f"https://en.wikipedia.org/wiki/{element.name}"
    return {"_id": element.symbol, **own, "phase": element.phase, "heat": heat, "links": {"wikipedia": wiki}}


RECORDS = {element.symbol: record(element) for element in ELEMENTS}
NAMES = {
    name: element.symbol
    for element in ELEMENTS
    for name in (element.symbol.lower(), str(element.number), element.name.lower())
}

TEXTS = {"type": list, "items": str, "strict": False}  # [26, "Au"] in JSON will do too


class ElementAPI(BaseAPIHandler):
    """GET /v1/element/Au, and POST of ids."""

    name = "element"
    kwargs = {
        "*": {"fields": {**TEXTS, "max": 20, "description": "Fields to return: name,heat.melts. Default: all."}},
        "GET": {"id": {"path": 0, "required": True, "description": "Symbol, number or name."}},
        "POST": {"ids": {**TEXTS, "required": True, "min": 1, "max": 118, "description": "Symbols, numbers or names."}},
    }
    cache = 3600

    async def on_GET(self, context: Context) -> Record:
        """One element; 404 where there is none."""
        found = find(context.args.id)
        if found is None:
            raise HTTPError(404, {"id": context.args.id}, reason=f"there is no element {context.args.id}")
        return chosen(found, context.args.fields) | ({"units": UNITS} if context.args.units else {})

    async def on_POST(self, context: Context) -> list[Record]:
        """One record for each of the ids, in their order."""
        return [batched(query, context.args.fields) for query in context.args.ids]


def find(name: str) -> Record | None:
    """The element of a symbol, number or name."""
    symbol = NAMES.get(name.strip().lower())
    return None if symbol is None else RECORDS[symbol]


def batched(query: str, fields: list[str] | None) -> Record:
    """What a batch says of one id."""
    found = find(query)
    return {"query": query, "notfound": True} if found is None else {"query": query} | chosen(found, fields)


def chosen(found: Record, fields: Iterable[str] | None) -> Record:
    """The named fields of a record, dots for what is inside; all without names. `_id` is always there."""
    if not fields:
        return dict(found)
    result: Record = {"_id": found["_id"]}
    for name in fields:
        outer, dot, inner = name.partition(".")
        value = found.get(outer)
        if dot and isinstance(value, dict) and inner in value:
            result.setdefault(outer, {})[inner] = value[inner]
        elif not dot and outer in found:
            result[outer] = value
    return result


async def query(
    q: Annotated[str, "Words of the name, or `field:value`, `mass:>200`; all of them must hold."] = "",
    fields: Annotated[list[str], Field(max_length=20, description="Fields to return.")] = [],  # noqa: B006
    size: Annotated[int, Field(ge=0, le=118, description="Most elements to return.")] = 10,
    start: Annotated[int, Field(ge=0, alias="from", description="How many to pass over.")] = 0,
    sort: Literal["number", "name", "mass", "density"] = "number",
    fetch_all: Annotated[bool, "All of them, one after the other: for format=jsonl."] = False,
) -> Any:
    """The elements that `q` finds."""
    found = [item for item in RECORDS.values() if all(matches(item, word) for word in q.split())]
    found.sort(key=lambda item: (item[sort] is None, item[sort]))
    if fetch_all:
        return stream(found, fields)
    hits = [chosen(item, fields) for item in found[start : start + size]]
    return {"total": len(found), "from": start, "hits": hits}


async def stream(found: list[Record], fields: list[str]) -> AsyncIterator[Record]:
    """Each of them, when it comes."""
    for item in found:
        yield chosen(item, fields)


def matches(item: Record, word: str) -> bool:
    """Whether a record is what one word of a query asks for."""
    name, colon, wanted = word.partition(":")
    if not colon:
        return word.lower() in item["name"].lower() or word == item["symbol"]
    value = item.get(name, item["heat"].get(name))
    for sign, compare in COMPARE.items():
        if wanted.startswith(sign):
            return isinstance(value, (int, float)) and bool(compare(value, number(wanted.removeprefix(sign), word)))
    return str(value).lower() == wanted.lower()


def number(text: str, word: str) -> float:
    """The number in a word of a query."""
    try:
        return float(text)
    except ValueError:
        raise HTTPError(400, {"q": word}, reason=f"{text!r} is no number") from None


def fields(prefix: str, kind: str | None) -> dict[str, str]:
    """The fields of a record, each with its kind."""
    flat = {**RECORDS["Au"], **{f"heat.{key}": value for key, value in RECORDS["Au"]["heat"].items()}}
    kinds = {name: kind_of(value) for name, value in flat.items()}
    return {name: has for name, has in kinds.items() if name.startswith(prefix) and kind in (None, has)}


def kind_of(value: Any) -> str:
    """What a client may expect in a field."""
    return "object" if isinstance(value, dict) else "text" if isinstance(value, str) else "number"
