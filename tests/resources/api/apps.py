"""An app with APIs, for the tests of this folder."""

from __future__ import annotations

from typing import Any

from gramex_twisted.testing import AppTestCase, Response

MODULE = """
from datetime import date, datetime, timedelta, timezone
from uuid import UUID

from gramex_twisted.errors import HTTPError
from gramex_twisted.resources.api import BaseAPIHandler

calls = []


def echo(**args):
    return args


def payload(handler):
    return {"payload": handler.payload}


def values():
    return {
        "naive": datetime(2024, 1, 2, 3, 4, 5),
        "aware": datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2))),
        "day": date(2024, 1, 2),
        "nan": float("nan"),
        "inf": float("inf"),
        "id": UUID(int=7),
        "\\u00e9": "\\u00fc \\U0001f600",
        1: {"none": None, True: (1, 2)},
        "big": 2**70,
    }


def half():
    return [{"n": 1}, {"n": object()}]


def raises(kind):
    if kind == "text":
        raise HTTPError(404, "document not found")
    if kind == "dict":
        raise HTTPError(404, {"id": "-1", "code": 7, "success": True, "error": "mine"})
    if kind == "reason":
        raise HTTPError(404, reason="gone\\nfor \\U0001f600 good\\x07")
    if kind == "upstream":
        raise HTTPError(404, None, {"id": "-1"}, reason="document not found")
    if kind == "tornado":
        from tornado.web import HTTPError as TornadoError

        raise TornadoError(404, None, {"id": "-1"}, reason="document not found")
    if kind == "details":
        raise HTTPError(422, details="more to say")
    if kind == "odd":
        raise HTTPError(400, {"what": object()})
    raise KeyError("the secret text")


class Thing(BaseAPIHandler):
    name = "thing"
    kwargs = {
        "*": {"verbose": {"type": bool, "default": False}},
        "GET": {"x": {"type": int, "required": True}},
        "POST": {"ids": {"type": list, "required": True}},
    }

    async def on_GET(self, context):
        return {"x": context.args.x, "verbose": context.args.verbose, "format": context.format}

    def on_POST(self, context):
        import threading
        return {"ids": context.args.ids, "main": threading.current_thread() is threading.main_thread()}

    async def on_PUT(self, context):
        for number in range(3):
            yield {"n": number}

    def on_PATCH(self, context):
        for number in range(3):
            if number == 2 and context.get_argument("fails", ""):
                raise HTTPError(409, "too late")
            yield number

    async def on_DELETE(self, context):
        context.set_status(204)
"""

ROUTES = """
url:
  echo:
    pattern: /echo(?:/(\\w*))?
    handler: APIHandler
    kwargs:
      function: apis.echo
      methods: GET, POST, PUT
      options:
        '*':
          s: {alias: [t, u]}
          p: {path: 0}
          i: {type: int, min: 0, max: 10}
          f: {type: float, min: -1.5, max: 1.5}
          loose: {type: int, strict: false}
          b: {type: bool}
          l: {type: list, min: 1, max: 3}
          n: {type: list, items: int}
          e: {enum: [red, green], alias: colour}
          d: {date_format: '%Y-%m-%d'}
          o: {type: dict}
          j: {type: list, jsoninput: true}
          w: {translations: {'^gene:': ''}}
          g: {group: [es, control]}
          q: {location: query}
          body: {location: body}
          tu: {type: tuple, items: float, max: 2}
          se: {type: set, enum: [1, 2], items: int}
          jmespath: {}
  payload: {pattern: /payload, handler: APIHandler, kwargs: {function: apis.payload}}
  jsons:
    pattern: /jsons
    handler: APIHandler
    kwargs: {function: apis.echo, options: {POST: {o: {type: dict, jsoninput: true}}}}
  needs:
    pattern: /needs
    handler: APIHandler
    kwargs: {function: apis.echo, options: {'*': {a: {required: true, alias: b}, c: {type: int}}}}
  all:
    pattern: /all
    handler: APIHandler
    kwargs: {function: apis.echo, all_errors: true, options: {'*': {a: {required: true}, c: {type: int}}}}
  values: {pattern: /values, handler: APIHandler, kwargs: {function: apis.values}}
  half: {pattern: /half, handler: APIHandler, kwargs: {function: apis.half}}
  raises: {pattern: '/raises/(.*)', handler: APIHandler, kwargs: {function: apis.raises}}
  thing: {pattern: /thing, handler: apis.Thing}
"""


class ApiTestCase(AppTestCase):
    config = ROUTES
    files = {"apis.py": MODULE}

    def sent(self, body: bytes, media: str = "application/json", url: str = "/echo", **headers: str) -> Response:
        """The answer to a POST, as a program sends it."""
        named = {"Content-Type": [media], **{name: [value] for name, value in headers.items()}}
        return self.post(url, data=body, headers=named if media else {}, xsrf=False)

    def refused(self, response: Response) -> dict[str, Any]:
        """What a 400 says after its first three keys."""
        body = response.json()
        self.assertEqual((response.status, list(body)[:3]), (400, ["code", "success", "error"]))
        self.assertEqual((body.pop("code"), body.pop("success"), body.pop("error")), (400, False, "Bad Request"))
        found: dict[str, Any] = body
        return found
