"""What a query means: `cdk2`, `cyclin kinase`, `symbol:CLDN*`, `chromosome:17 group:"cyclin dependent kinases"`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .genes import GENES, Gene, values

#: Where a word without a field is looked for; the first of them counts most.
FIELDS = ("symbol", "entrezgene", "HGNC", "ensembl.gene", "alias", "previous", "name", "uniprot")
_TERM = re.compile(r'(?:([\w.]+):)?(?:"([^"]*)"|(\S+))')


@dataclass(frozen=True)
class Term:
    """One part of a query: text that a field must be, begin with (`cdk*`), or, without a field, have as a word."""

    text: str
    field: str = ""
    begins: bool = False

    def rank(self, found: Gene, fields: Sequence[str]) -> int | None:
        """How well `found` fits, the less the better; None where it does not."""
        names = (self.field,) if self.field else fields
        ranks = (rank for place, name in enumerate(names) for rank in self._ranks(found, name, place))
        return min(ranks, default=None)

    def _ranks(self, found: Gene, name: str, place: int) -> Iterator[int]:
        for value in values(found, name):
            whole = value.lower()
            if whole == self.text:
                yield place
            elif self.begins and whole.startswith(self.text):
                yield 20 + place
            elif not self.field and name == "name" and self.text in re.split(r"[\s,()/-]+", whole):
                yield 40


def terms(query: str) -> list[Term]:
    """The terms of a query; none for an empty one. A quote that is not closed is a letter."""
    return [term(*match.groups(default="")) for match in _TERM.finditer(query)]


def term(field: str, quoted: str, plain: str) -> Term:
    """One term; `*` and `__all__` are everything."""
    text = (quoted or plain).lower()
    if field == "" and text == "__all__":
        return Term("", "_id", begins=True)
    begins = not quoted and text.endswith("*")
    if begins and text == "*" and not field:
        return Term("", "_id", begins=True)
    return Term(text.removesuffix("*") if begins else text, field, begins)


def find(query: str, fields: Sequence[str] = FIELDS) -> list[Gene]:
    """The genes that all terms of `query` fit, the best first; all of them where it is empty."""
    wanted = terms(query)
    ranked = []
    for place, found in enumerate(GENES):
        ranks = [each.rank(found, fields) for each in wanted]
        if None not in ranks:
            ranked.append((sum(rank or 0 for rank in ranks), place, found))
    ranked.sort(key=lambda item: item[:2])
    return [found for _, _, found in ranked]
