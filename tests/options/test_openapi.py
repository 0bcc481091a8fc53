"""OpenAPI parts: what they say is what the options do, and the validator takes them."""

from __future__ import annotations

from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.options import OptionSet
from gramex_twisted.options.openapi import ERROR, ITEM, operation, parameters, request_body

OPTIONS = {
    "*": {
        "format": {"enum": ["json", "yaml"]},
        "fields": {"type": list, "max": 5, "alias": ["filter", "_source"], "description": "Fields to return."},
        "since": {"date_format": "%Y-%m-%d"},
    },
    "GET": {
        "id": {"path": 0, "required": True},
        "size": {"type": int, "min": 0, "max": 100, "default": 10},
        "ids": {"type": "set", "items": int},
        "deep": {"type": bool, "default": False},
        "kinds": {"type": list, "enum": ["a", "b"]},
    },
    "POST": {
        "ids": {"type": list, "required": True, "min": 1},
        "weights": {"type": list, "items": float, "location": ["json", "yaml"]},
        "only": {"location": "query"},
    },
    "DELETE": {"id": {"path": 0, "location": "path"}},
}


class OpenApiTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.options = OptionSet(OPTIONS)

    def schemas(self, method: str) -> dict[str, Any]:
        return {part["name"]: part["schema"] for part in parameters(self.options, method)}

    def test_parameters_of_get(self) -> None:
        self.assertEqual(
            self.schemas("GET"),
            {
                "format": {"type": "string", "enum": ["json", "yaml"]},
                "fields": {"type": "array", "items": {"type": "string", "pattern": ITEM}, "maxItems": 5},
                "since": {"type": "string", "format": "date"},
                "id": {"type": "string"},
                "size": {"type": "integer", "minimum": 0, "maximum": 100, "default": 10},
                "ids": {"type": "array", "items": {"type": "integer"}},
                "deep": {"type": "boolean", "default": False},
                "kinds": {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}},
            },
        )
        found = {part["name"]: part for part in parameters(self.options, "GET")}
        self.assertEqual((found["id"]["in"], found["id"]["required"]), ("path", True))
        self.assertEqual(found["fields"]["description"], "Fields to return. Also: filter, _source.")
        self.assertNotIn("required", found["size"])

    def test_a_body_has_what_can_be_in_it(self) -> None:
        self.assertEqual(list(self.schemas("POST")), ["format", "only"])
        body = request_body(self.options, "POST")
        assert body is not None
        self.assertTrue(body["required"])
        json = body["content"]["application/json"]["schema"]
        form = body["content"]["application/x-www-form-urlencoded"]["schema"]
        self.assertEqual(json["required"], ["ids"])
        self.assertEqual(set(json["properties"]), {"ids", "weights", "fields", "since"})
        self.assertEqual(json["properties"]["ids"], {"type": "array", "items": {}, "minItems": 1})
        self.assertEqual(form["properties"]["ids"]["items"], {"type": "string", "pattern": ITEM})
        self.assertEqual(set(form["properties"]), {"ids", "fields", "since"})
        self.assertIsNone(request_body(self.options, "GET"))

    def test_a_document_of_them_is_valid(self) -> None:
        for error in (None, {"$ref": "#/components/schemas/Error"}):
            document = {
                "openapi": "3.1.0",
                "info": {"title": "Test", "version": "1"},
                "paths": {
                    "/things/{id}": {m.lower(): operation(self.options, m, error=error) for m in ("GET", "DELETE")},
                    "/things": {"post": operation(self.options, "POST", formats=("application/json", "text/x-yaml"))},
                },
                "components": {"schemas": {"Error": ERROR}},
            }
            OpenAPIV31SpecValidator(document).validate()
