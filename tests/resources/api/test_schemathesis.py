"""Schemathesis against the example API: requests made from its OpenAPI document, valid and not, find nothing."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from twisted.internet.threads import deferToThread
from twisted.python.threadable import registerAsIOThread

from gramex_twisted.app import Gramex
from gramex_twisted.config import reader, schema
from gramex_twisted.functions import ModuleSet
from gramex_twisted.options.openapi import ERROR, operation
from gramex_twisted.registry import Registry
from gramex_twisted.resources.api.formats import FORMATS
from gramex_twisted.services.inline import InlineThreads
from gramex_twisted.testing import Agent
from tests.processes import ROOT, ProcessTestCase

ETC = ROOT / "etc"
#: Path -> method -> the route that answers it.
PATHS = {
    "/v1/gene/{id}": {"GET": "gene-annotations"},
    "/v1/gene": {"POST": "gene-annotations"},
    "/v1/query": {"GET": "gene-query", "POST": "gene-query"},
    "/v1/count": {"GET": "gene-count"},
    "/v1/metadata/fields": {"GET": "gene-fields"},
}
#: A field and an expression that fit any gene.
JMESPATHS = [
    "|@",
    "symbol|@",
    "alias|[0]",
    "alias|[?contains(@, 'p')]",
    "ensembl.gene|{id: @}",
    "|{s: symbol}",
    ".|[@]",
]
MEDIA_TYPES = [format_.content_type.partition(";")[0] for format_ in FORMATS.values()]


def document(folder: str) -> dict[str, Any]:
    """The OpenAPI document of the example API; ``folder`` is for what the app keeps."""
    sys.path.insert(0, str(ETC))
    registerAsIOThread()
    try:
        registry, clock = Registry(), Agent().clock
        config = schema.build(reader.read(ETC / "gramex.yaml", environ={**os.environ, "GRAMEXDATA": folder}), registry)
        routes = Gramex(config, clock, registry, threads=InlineThreads(clock)).shared.resources
    finally:
        sys.path.remove(str(ETC))
        ModuleSet([ETC]).forget()
    error = {"$ref": "#/components/schemas/Error"}
    paths: dict[str, Any] = {
        path: {
            method.lower(): operation(routes[name].optionset, method, formats=MEDIA_TYPES, error=error)
            for method, name in methods.items()
        }
        for path, methods in PATHS.items()
    }
    for methods in paths.values():
        for part in methods.values():
            failed = part["responses"]["400"]["content"]["application/json"]
            for status in ("400", "default"):
                part["responses"][status]["content"] = {"application/json": failed} | {m: {} for m in MEDIA_TYPES[1:]}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Genes", "version": "1"},
        "paths": paths,
        "components": {"schemas": {"Error": ERROR}},
    }


class SchemathesisTests(ProcessTestCase):
    timeout = 300

    async def test_the_example_api_does_what_its_document_says(self) -> None:
        described = document(self.mktemp())
        OpenAPIV31SpecValidator(described).validate()
        server = await self.serve("--config", str(ETC / "gramex.yaml"), "--set", "app.watch=false")
        count = await deferToThread(self.attack, described, f"http://127.0.0.1:{server.port}")
        self.assertGreater(count, 100)

    def attack(self, described: dict[str, Any], url: str) -> int:
        """Send requests that the document allows, and others; how many."""
        logging.getLogger("urllib3").setLevel(logging.WARNING)
        load_all_checks()
        schemathesis.openapi.format("jmespath", strategies.sampled_from(JMESPATHS))
        everything = schemathesis.openapi.from_dict(described)
        everything.config.update(base_url=url)
        # A text that is no boolean is false, and an argument that nobody knows is ignored, as in BioThings. HEAD and
        # what else an address answers is not in the document.
        names = {"negative_data_rejection", "unsupported_method", "missing_required_header"}
        excluded = [check for check in schemathesis.checks.CHECKS.get_all() if check.__name__ in names]
        count = 0

        def run(case: schemathesis.Case) -> None:
            nonlocal count
            count += 1
            case.call_and_validate(base_url=url, excluded_checks=excluded, timeout=60)

        rules = settings(
            max_examples=40,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        for found in everything.get_all_operations():
            for mode in GenerationMode:
                rules(given(found.ok().as_strategy(generation_mode=mode))(run))()
        return count
