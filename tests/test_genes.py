"""The annotation API of the example app: genes by any name, in batches, pages and streams."""

from __future__ import annotations

import csv
import re
import sys
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.functions import ModuleSet
from gramex_twisted.testing import AppTestCase
from tests.processes import ROOT

ETC = ROOT / "etc"
FOLDER = ETC / "examples" / "annotate"


class TableTests(SynchronousTestCase):
    def setUp(self) -> None:
        with (FOLDER / "genes.tsv").open(encoding="utf-8", newline="") as file:
            self.rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))

    def test_it_has_a_few_hundred_genes_each_once(self) -> None:
        self.assertEqual(len(self.rows), 352)
        self.assertIn(f"{len(self.rows)} human genes", (FOLDER / "README.md").read_text())
        for column in ("hgnc_id", "symbol", "name", "entrez_id", "ensembl_gene_id"):
            self.assertEqual(len({row[column] for row in self.rows}), len(self.rows), column)

    def test_every_cell_has_the_form_of_its_column(self) -> None:
        uniprot = r"[OPQ]\d[A-Z\d]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z\d]{2}\d){1,2}"
        forms = {
            "hgnc_id": r"HGNC:\d+",
            "symbol": r"[A-Z][A-Z\d-]*",
            "name": r"\S.*\S",
            "location": r"(\d+|X|Y)[pq][\d.]+(-[pq][\d.]+)?( and Yp11\.3)?",
            "entrez_id": r"\d+",
            "ensembl_gene_id": r"ENSG\d{11}",
            "uniprot_ids": rf"(?:{uniprot})(?:\|(?:{uniprot}))*",
        }
        for row in self.rows:
            for column, form in forms.items():
                self.assertTrue(re.fullmatch(form, row[column]), (row["symbol"], column, row[column]))
            for column in ("alias_symbol", "prev_symbol", "gene_group"):
                self.assertNotIn("", row[column].split("|") if row[column] else [], row["symbol"])

    def test_its_source_and_licence_are_told(self) -> None:
        text = (FOLDER / "README.md").read_text()
        for part in ("HUGO Gene Nomenclature Committee", "CC0", "https://www.genenames.org/about/license/"):
            self.assertIn(part, text)


class GeneTests(AppTestCase):
    config = f"import: {FOLDER / 'gramex.yaml'}\n"

    def setUp(self) -> None:
        sys.path.insert(0, str(ETC))
        self.addCleanup(ModuleSet([str(ETC)]).forget)
        self.addCleanup(sys.path.remove, str(ETC))
        super().setUp()

    def sent(self, url: str, body: dict[str, Any]) -> Any:
        return self.post(url, json=body).json()

    def symbols(self, url: str) -> list[str]:
        return [hit["symbol"] for hit in self.get(url).json()["hits"]]

    def test_a_gene_is_found_by_each_of_its_numbers_and_names(self) -> None:
        for name in ("1017", "CDK2", "cdk2", "HGNC:1771", "ENSG00000123374", "P24941"):
            found = self.get(f"/v1/gene/{name}").json()
            self.assertEqual((found["_id"], found["name"]), ("1017", "cyclin dependent kinase 2"), name)
        self.assertEqual(self.get("/v1/gene/HPRT?fields=symbol").json(), {"_id": "3251", "symbol": "HPRT1"})
        missing = self.get("/v1/gene/nothing")
        self.assertEqual(
            (missing.status, missing.body),
            (404, b'{"code":404,"success":false,"error":"there is no gene nothing","id":"nothing"}'),
        )

    def test_a_batch_has_a_record_for_each_name_and_says_what_it_did_not_find(self) -> None:
        self.assertEqual(
            self.sent("/v1/gene", {"ids": [1017, "TP53", "nothing"], "fields": "symbol"}),
            [
                {"query": "1017", "_id": "1017", "symbol": "CDK2"},
                {"query": "TP53", "_id": "7157", "symbol": "TP53"},
                {"query": "nothing", "notfound": True},
            ],
        )
        form = self.post("/v1/gene", data={"ids": ["1017,TP53", "nothing"], "fields": "symbol"}).json()
        self.assertEqual([each["query"] for each in form], ["1017", "TP53", "nothing"])

    def test_scopes_say_where_names_are_looked_up(self) -> None:
        found = self.sent("/v1/query", {"q": ["p53", "CDK2"], "scopes": ["alias"], "fields": ["symbol"]})
        self.assertEqual(
            found, [{"query": "p53", "_id": "7157", "symbol": "TP53"}, {"query": "CDK2", "notfound": True}]
        )
        several = self.sent("/v1/query", {"q": "P69905", "scopes": "uniprot", "fields": "symbol"})
        self.assertEqual([each["symbol"] for each in several], ["HBA1", "HBA2"])
        self.assertEqual(self.sent("/v1/query", {"q": "x", "scopes": "name"})["keyword"], "scopes")

    def test_queries(self) -> None:
        self.assertEqual(self.symbols("/v1/query?q=cdk2")[:1], ["CDK2"])
        self.assertEqual(self.symbols("/v1/query?q=P53")[:1], ["TP53"])
        self.assertEqual(self.symbols("/v1/query?q=symbol:CLDN*+chromosome:3"), ["CLDN1", "CLDN11"])
        self.assertEqual(self.symbols('/v1/query?q="histamine receptor h1"'), ["HRH1"])
        self.assertEqual(self.symbols("/v1/query?q=group:%22jak+family+tyrosine+kinases%22"), ["JAK1", "JAK2", "JAK3"])
        self.assertEqual(self.symbols("/v1/query?q=epidermal+receptor"), ["EGFR"])
        self.assertEqual(self.get("/v1/query?q=__all__&size=0").json(), {"total": 352, "from": 0, "hits": []})
        self.assertEqual(self.symbols('/v1/query?q="unclosed'), [])

    def test_pages_follow_each_other(self) -> None:
        whole = self.symbols("/v1/query?q=kinase&size=1000")
        pages = [self.symbols(f"/v1/query?q=kinase&size=7&from={start}") for start in range(0, len(whole) + 7, 7)]
        self.assertEqual([symbol for page in pages for symbol in page], whole)
        self.assertEqual(self.get("/v1/query?q=kinase&size=1").json()["total"], len(whole))
        self.assertGreater(len(whole), 40)

    def test_the_order_can_be_chosen(self) -> None:
        found = self.get("/v1/query?sort=chromosome&size=1000&fields=chromosome").json()["hits"]
        kinds = list(dict.fromkeys(hit["chromosome"] for hit in found))
        self.assertEqual(kinds, [str(number) for number in range(1, 23)] + ["X"])

    def test_fields_nested_and_flat(self) -> None:
        self.assertEqual(
            self.get("/v1/gene/1017?fields=ensembl.gene,symbol,nonsense").json(),
            {"_id": "1017", "ensembl": {"gene": "ENSG00000123374"}, "symbol": "CDK2"},
        )
        flat = self.get("/v1/gene/1017?_source=ensembl&dotfield").json()
        self.assertEqual(flat, {"_id": "1017", "ensembl.gene": "ENSG00000123374"})
        self.assertIn("links.ncbi", self.get("/v1/gene/1017?dotfield&fields=all").json())

    def test_lines_and_jmespath(self) -> None:
        lines = self.get("/v1/query?q=chromosome:21&fields=symbol&fetch_all&format=jsonl").text.splitlines()
        self.assertEqual(lines[0], '{"_id":"9073","symbol":"CLDN8"}')
        self.assertEqual(len(lines), self.get("/v1/query?q=chromosome:21").json()["total"])
        found = self.get("/v1/query?q=symbol:CDK11*&jmespath=%7C%7Bs:symbol,a:length(alias)%7D").json()["hits"]
        self.assertEqual(found, [{"s": "CDK11A", "a": 5}, {"s": "CDK11B", "a": 3}])

    def test_counts_and_fields(self) -> None:
        self.assertEqual(
            self.get("/v1/count?by=group&q=symbol:CLDN*&size=1").json(),
            {"total": 14, "group": [{"term": "Claudins", "count": 14}]},
        )
        self.assertEqual(
            self.get("/v1/metadata/fields?prefix=ens").json(), {"ensembl.gene": {"type": "text", "genes": 352}}
        )
        explained = self.get("/v1/query?q=symbol:cdk*&explain&size=0").json()["terms"]
        self.assertEqual(explained, [{"text": "cdk", "field": "symbol", "begins": True}])

    def test_limits(self) -> None:
        for url, name in (("/v1/query?size=1001", "size"), ("/v1/query?from=-1", "from"), ("/v1/count?size=0", "size")):
            found = self.get(url)
            self.assertEqual((found.status, found.json()["keyword"]), (400, name), url)
        many = self.post("/v1/gene", json={"ids": [str(n) for n in range(1001)]}).json()
        self.assertEqual((many["keyword"], many["max"], many["size"]), ("ids", 1000, 1001))
