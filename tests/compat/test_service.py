"""`gramex.service`: each of its names means something in functions of an app."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import numpy as np
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.compat.caches import MemoryCache
from gramex_twisted.testing import AppTestCase

FUNCTIONS = """
import json
import gramex
import gramex.data
from gramex.services import info


def names(handler):
    found = gramex.service
    return {"threadpool": found.threadpool.submit(sum, [1, 2]).result(60), "url": found.url["names"].pattern,
            "schedule": sorted(found.schedule), "alert": sorted(found.alert), "email": sorted(found.email),
            "cache": sorted(found.cache), "eventlog": found.eventlog.query("SELECT count(*) AS n FROM events")[0]["n"],
            "storelocations": sorted(found.storelocations), "settings": found.app.settings["login_url"],
            "info": info.app.settings["login_url"], "sms": sorted(found.sms)}


def cache(handler, name):
    cache = gramex.service.cache[name]
    cache["x"] = {"n": [1, 2]}
    cache.set(("a", 1), "b", expire=1000)
    cache.set("gone", 1, expire=-1)
    return [cache["x"], cache.get(("a", 1)), cache.get("gone", "no"), "y" in cache, len(list(cache)), cache.pop("x"),
            cache.get("x")]


def location(handler, name):
    found = gramex.service.storelocations[name]
    gramex.data.insert(**found, args={column: [column] for column in handler.args})
    rows = gramex.data.filter(**found, args={})
    return json.loads(rows.to_json(orient="records"))


def token(handler):
    found = gramex.service.storelocations.otp
    token = handler.apikey(user={"id": "ada"})
    renamed = gramex.data.update(**found, id=["token"], args={"token": [token], "email": ["a@example.org"]})
    [row] = gramex.data.filter(**found, args={"token": [token]}).to_dict(orient="records")
    gone = gramex.data.delete(**found, id=["token"], args={"token": [token]})
    return [renamed, row["email"], json.loads(row["user"])["id"], gone, handler.get_otp(token)]


def missing(handler):
    return gramex.service.storelocations.nothing
"""


class ServiceTests(AppTestCase):
    config = """
    cache: {small: {type: memory, size: 1000}, disk: {type: disk}}
    email: {stub: {type: stub, email: a@example.org}}
    schedule: {late: {function: str(1), hours: 3}}
    alert: {late: {to: a@example.org, subject: x, hours: 3}}
    sms: {exotel: {type: exotel, sid: a, token: b}}
    eventlog: {path: $GRAMEXDATA/events.db}
    storelocations:
      otp: {columns: {email: TEXT}}
      mine: {url: sqlite:///$GRAMEXDATA/mine.db, table: t, columns: {a: TEXT, b: {type: TEXT, default: none}}, id: a}
      bare: {url: sqlite:///$GRAMEXDATA/mine.db, table: t, id: a}
    url:
      names: {pattern: /names, handler: FunctionHandler, kwargs: {function: own.names}}
      cache:
        pattern: /cache/(.*)
        handler: FunctionHandler
        kwargs: {function: 'own.cache(handler, *handler.path_args)'}
      location:
        pattern: /location/(.*)
        handler: FunctionHandler
        kwargs: {function: 'own.location(handler, *handler.path_args)'}
      token: {pattern: /token, handler: FunctionHandler, kwargs: {function: own.token}}
      missing: {pattern: /missing, handler: FunctionHandler, kwargs: {function: own.missing}}
    """
    files = {"own.py": FUNCTIONS}

    def test_each_of_its_names(self) -> None:
        found = self.get("/names").json()
        self.assertGreaterEqual(found.pop("eventlog"), 0)
        expected: dict[str, Any] = {"threadpool": 3, "url": "/names", "schedule": ["late"], "alert": ["late"]}
        expected |= {"email": ["stub"], "cache": ["disk", "memory", "small"], "settings": "/login/", "info": "/login/"}
        expected |= {"storelocations": ["bare", "mine", "otp", "pipeline", "user", "userlog"], "sms": ["exotel"]}
        self.assertEqual(found, expected)

    def test_caches_keep_values(self) -> None:
        for name in ("memory", "small", "disk"):
            expected = [{"n": [1, 2]}, "b", "no", False, 2, {"n": [1, 2]}, None]
            self.assertEqual(self.get(f"/cache/{name}").json(), expected, name)

    def test_two_apps_have_two_caches(self) -> None:
        self.get("/cache/memory")
        first = self.app
        self.app = self.make_app(self.config)
        self.assertEqual(self.get("/cache/memory").json()[4], 2)
        self.app = first

    def test_tables_are_made_and_altered_as_they_are_written(self) -> None:
        self.assertEqual(self.get("/location/mine?a=1").json(), [{"a": "a", "b": "none"}])
        self.assertEqual(self.get("/location/bare?a=1").json(), [{"a": "a", "b": "none"}] * 2)
        with closing(sqlite3.connect(self.folder / "data" / "auth.recover.db")) as connection, connection:
            connection.execute("CREATE TABLE users (token TEXT PRIMARY KEY, user TEXT, type TEXT, expire REAL)")
        [row] = self.get("/location/otp?token=1&email=1").json()
        self.assertEqual((row["token"], row["email"], row["user"]), ("token", "email", None))

    def test_they_are_arguments_for_gramex_data(self) -> None:
        self.assertEqual(self.get("/token").json(), [1, "a@example.org", "ada", 1, None])

    def test_one_that_is_not_there_is_named(self) -> None:
        self.assertEqual(self.get("/missing").status, 500)
        self.assertIn(
            "storelocations: there is no 'nothing'; there is user, userlog, otp", str(self.log_of("/missing"))
        )


class MemoryCacheTests(SynchronousTestCase):
    def test_it_is_bounded_and_what_was_not_used_for_longest_makes_room(self) -> None:
        cache = MemoryCache(10_000)
        for name in "abc":
            cache[name] = "x" * 3000
        self.assertEqual(cache["a"][:1], "x")
        cache["d"] = "x" * 3000
        self.assertEqual(sorted(cache), ["a", "c", "d"])
        cache["whole"] = "x" * 20_000
        self.assertNotIn("whole", cache)
        del cache["a"], cache["c"]
        cache["e"] = np.zeros(800)
        self.assertEqual(sorted(cache), ["d", "e"])
        self.assertRaises(KeyError, cache.__getitem__, "a")
