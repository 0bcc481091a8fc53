"""The genes of genes.tsv, read when this module is imported, and which of them a name stands for."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Gene = dict[str, Any]
TABLE = Path(__file__).with_name("genes.tsv")
#: Where a gene is looked up: its own names and numbers, and those of other databases.
SCOPES = ("_id", "symbol", "alias", "previous", "HGNC", "entrezgene", "ensembl.gene", "uniprot")


def gene(row: Mapping[str, str]) -> Gene:
    """One row, as the API shows it. What a gene has none of is left out."""
    hgnc, entrez, ensembl = row["hgnc_id"].removeprefix("HGNC:"), row["entrez_id"], row["ensembl_gene_id"]
    made = {
        "_id": entrez,
        "symbol": row["symbol"],
        "name": row["name"],
        "alias": several(row["alias_symbol"]),
        "previous": several(row["prev_symbol"]),
        "group": several(row["gene_group"]),
        "chromosome": re.split("[pq]", row["location"])[0],
        "map_location": row["location"],
        "entrezgene": entrez,
        "HGNC": hgnc,
        "ensembl": {"gene": ensembl},
        "uniprot": several(row["uniprot_ids"]),
        "links": {
            "hgnc": f"https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/HGNC:{hgnc}",
            "ncbi": f"https://www.ncbi.nlm.nih.gov/gene/{entrez}",
            "ensembl": f"https://www.ensembl.org/Homo_sapiens/Gene/Summary?g={ensembl}",
        },
    }
    return {key: value for key, value in made.items() if value}


def several(cell: str) -> list[str]:
    """The texts of a cell."""
    return cell.split("|") if cell else []


def values(found: Gene, field: str) -> list[str]:
    """The texts in a field, such as `symbol` or `ensembl.gene`; none where there is no such field."""
    value: Any = found
    for name in field.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return [value] if isinstance(value, str) else value if isinstance(value, list) else []


def indexed(genes: Iterable[Gene]) -> dict[str, dict[str, list[Gene]]]:
    """Scope -> text in small letters -> the genes that have it there."""
    index: dict[str, dict[str, list[Gene]]] = {scope: defaultdict(list) for scope in SCOPES}
    for found in genes:
        for scope, names in index.items():
            for text in values(found, scope):
                names[text.lower()].append(found)
    return {scope: dict(names) for scope, names in index.items()}


def named(text: str, scopes: Iterable[str] = SCOPES) -> list[Gene]:
    """The genes that `text` is a name or number of, those of the first scopes first."""
    wanted = text.strip().lower()
    found = [each for scope in scopes for each in INDEX[scope].get(number(wanted, scope), ())]
    return list({each["_id"]: each for each in found}.values())


def number(text: str, scope: str) -> str:
    """`HGNC:1771` is 1771 there."""
    return text.removeprefix("hgnc:") if scope == "HGNC" else text


with TABLE.open(encoding="utf-8", newline="") as file:
    GENES = [gene(row) for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)]
INDEX = indexed(GENES)
