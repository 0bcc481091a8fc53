"""What is known of genes, as an API: one by its number or name, many at once, those that a query finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.api import BaseAPIHandler
from gramex_twisted.web.context import Context

from .finding import FIELDS, find, terms
from .genes import GENES, SCOPES, Gene, named, values
from .showing import flat, shown

TEXTS = {"type": list, "items": str, "strict": False}  # [1017, "CDK2"] in JSON will do too
SHOWN = {
    "fields": {**TEXTS, "alias": ["_source", "filter"], "max": 20, "description": "symbol,ensembl.gene; default: all."},
    "dotfield": {"type": bool, "default": False, "description": "ensembl.gene in place of an object in an object."},
    "jmespath": {"description": "A field, |, and a JMESPath expression that its value is replaced by."},
    "jmespath_exclude_empty": {"type": bool, "default": False, "description": "Leave genes out where nothing is left."},
}


class GeneAPI(BaseAPIHandler):
    """GET /v1/gene/1017, and POST of ids."""

    name = "gene"
    kwargs = {
        "*": SHOWN,
        "GET": {"id": {"path": 0, "required": True, "description": "Number or name: 1017, CDK2, HGNC:1771."}},
        "POST": {"ids": {**TEXTS, "required": True, "min": 1, "max": 1000, "description": "Numbers or names."}},
    }
    cache = 3600

    async def on_GET(self, context: Context) -> Gene:
        """One gene; 404 where there is none."""
        found = named(context.args.id)
        if not found:
            raise HTTPError(404, {"id": context.args.id}, reason=f"there is no gene {context.args.id}")
        return shown(found[0], context.args)

    async def on_POST(self, context: Context) -> list[Gene]:
        """A record for each of the ids, in their order."""
        return list(batch(context.args.ids, SCOPES, context.args))


class QueryAPI(BaseAPIHandler):
    """GET /v1/query?q=..., and POST of several names."""

    name = "query"
    kwargs = {
        "*": SHOWN,
        "GET": {
            "q": {"default": "", "description": "Words, field:value, begin*; all of them must fit."},
            "scopes": {**TEXTS, "enum": FIELDS, "default": [], "description": "Where words are looked for."},
            "size": {"type": int, "default": 10, "min": 0, "max": 1000, "description": "Most genes to return."},
            "from": {"type": int, "default": 0, "min": 0, "alias": "skip", "description": "How many to pass over."},
            "sort": {"enum": ["symbol", "name", "chromosome"], "description": "Default: what fits best first."},
            "fetch_all": {"type": bool, "default": False, "description": "All, one after the other: format=jsonl."},
        },
        "POST": {
            "q": {**TEXTS, "required": True, "min": 1, "max": 1000, "alias": "ids", "description": "Names, numbers."},
            "scopes": {**TEXTS, "enum": SCOPES, "default": ["symbol"], "description": "Where they are looked up."},
        },
    }
    cache = 60

    async def on_GET(self, context: Context) -> Any:
        """A page of the genes that fit."""
        args = context.args
        found = find(args.q, args.scopes or FIELDS)
        if args.sort:
            found.sort(key=lambda each: order(each[args.sort]))
        if args.fetch_all:
            return stream(found, args)
        hits = [shown(each, args) for each in found[args["from"] :][: args.size]]
        explained = {"terms": [asdict(term) for term in terms(args.q)]} if args.explain else {}
        return {"total": len(found), "from": args["from"], **explained, "hits": hits}

    async def on_POST(self, context: Context) -> list[Gene]:
        """Every gene of every name, in their order."""
        return list(batch(context.args.q, context.args.scopes, context.args))


def order(text: str) -> tuple[bool, int, str]:
    """Chromosome 2 before 10, and X after 22."""
    return (not text.isdigit(), len(text) if text.isdigit() else 0, text.lower())


def batch(names: Iterable[str], scopes: Iterable[str], args: Any) -> Iterable[Gene]:
    """What a batch says of each name."""
    for name in names:
        genes = named(name, scopes)
        for each in genes:
            yield {"query": name} | shown(each, args)
        if not genes:
            yield {"query": name, "notfound": True}


async def stream(found: list[Gene], args: Any) -> AsyncIterator[Gene]:
    """Each of them, when it comes."""
    for each in found:
        yield shown(each, args)


def count(
    by: Literal["chromosome", "group"] = "chromosome",
    q: Annotated[str, "A query, as elsewhere; default: all genes."] = "",
    size: Annotated[int, Field(ge=1, le=1000, description="Most rows to return.")] = 10,
) -> dict[str, Any]:
    """How many genes there are of each kind."""
    found = find(q)
    kinds = Counter(kind for each in found for kind in values(each, by))
    return {"total": len(found), by: [{"term": kind, "count": many} for kind, many in kinds.most_common(size)]}


def fields(prefix: str, kind: str | None) -> dict[str, dict[str, Any]]:
    """The fields of a gene: of which kind each is, and how many genes have it."""
    table: dict[str, dict[str, Any]] = {}
    for each in GENES:
        for name, value in flat(each).items():
            row = table.setdefault(name, {"type": "list" if isinstance(value, list) else "text", "genes": 0})
            row["genes"] += 1
    return {name: row for name, row in table.items() if name.startswith(prefix) and kind in (None, row["type"])}
