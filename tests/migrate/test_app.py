"""An app of Gramex 1.9 with over 60 URLs is served as it is."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, ClassVar

from gramex_twisted.config import reader, schema
from gramex_twisted.migrate import findings
from gramex_twisted.registry import Registry
from gramex_twisted.testing import AppTestCase, Response

APP = Path(__file__).with_name("app")
ANSWERS: dict[str, Any] = {
    "/fn/total": "12",
    "/fn/expr?a=1&b=2": "2",
    "/fn/args": "30",
    "/fn/var?name=Ada": "Hello Ada",
    "/fn/json": {"x": [1, 2]},
    "/fn/typed/north?top=5": {"region": "north", "top": 5},
    "/fn/frame": [{"region": "north", "sales": 5}, {"region": "north", "sales": 3}],
    "/fn/pandas": "3",
    "/fn/pipeline": "12",
    "/fn/conf": ["#06c", "Sales of the year", "REGIONS: Sales", 6],
    "/fn/service": [True, "lib.total()", "/login"],
    "/fn/once": "true",
    "/fn/store": "1",
    "/fn/mail": "sent",
    "/fn/redirect": 302,
    "/fn/error": 409,
    "/fn/cached": "12",
    "/fn/limited": "12",
    "/fn/cors": "12",
    "/fn/other": "low",
    "/call/opened": 200,
    "/call/saved": 200,
    "/call/filtered": 200,
    "/call/changed": 200,
    "/call/engines": 200,
    "/call/downloaded": 200,
    "/call/config": 200,
    "/call/transforms": 200,
    "/call/stores": 200,
    "/call/keys": 200,
    "/call/asked?a=1&a=2&b=": 200,
    "/own/page/x": "Sales of the year own/page True\n",
    "/own/function": "[12]",
    "/own/named/ada": {"who": "ada"},
    "/own/private": 302,
    "/data/csv?region=south": [{"region": "south", "sales": 4}],
    "/data/csv-html": 200,
    "/data/modified?_limit=1": [{"region": "north", "sales": 6}],
    "/data/function": [{"region": "north", "sales": 8}, {"region": "south", "sales": 4}],
    "/data/prepared": [{"region": "north", "sales": 3}, {"region": "north", "sales": 5}],
    "/data/several": {
        "north": [{"region": "north", "sales": 3}, {"region": "north", "sales": 5}],
        "south": [{"region": "south", "sales": 4}],
    },
    "/data/db": [],
    "/data/filter?_c=region": {"region": [{"region": "north"}, {"region": "south"}]},
    "/data/json/a": 200,
    "/data/drive": [],
    "/data/upload": {},
    "/run/socket": 426,
    "/run/api?x=3": {"x": 3},
    "/login": 200,
    "/db-login": 200,
    "/mail-login": 200,
    "/ldap-login": 200,
    "/oauth-login": 302,
    "/google": 302,
    "/members": 302,
    "/": "home home True\n",
    "/home": "home home True\n",
    "/static/a.txt": "a file\n",
    "/static/b.secret": 404,
    "/static/none.txt": 404,
    "/folder/": 200,
    "/both": "a file\nb file\n",
    "/mapped/one": "a file\n",
    "/mapped/two/a.txt": "a file\n",
    "/transformed/a.txt": "A FILE\n",
    "/templated/home.html": "home templated True\n",
    "/module": "3\n",
    "/file/a": "a file\n",
    "/xsrf": 200,
    "/private": 302,
    "/download": "a file\n",
    "/kept": "kept",
    "/nothing": "nothing at /nothing\n",
}


class AppTests(AppTestCase):
    files: ClassVar[dict[str, str | bytes]] = {
        str(path.relative_to(APP)): path.read_bytes()
        for path in APP.rglob("*.*")
        if path.is_file() and path.suffix != ".pyc"
    }
    config = (APP / "gramex.yaml").read_text()

    def test_it_has_over_sixty_urls_none_of_which_has_an_error(self) -> None:
        self.assertEqual([str(error) for error in self.app.gramex.errors], [])
        self.assertGreaterEqual(len(self.app.gramex.config.routes), 60)

    def test_it_has_every_handler_that_exists(self) -> None:
        registry = Registry()
        used = {registry.aliases.get(route.handler, route.handler) for route in self.app.gramex.config.routes}
        own = {name for name in registry.entries if registry.aliases.get(name, name) == name}
        self.assertEqual(own - used, {"SetupFailedHandler", "EmailAuth"})  # what fails to start, and another name

    def test_each_answers(self) -> None:
        found = {path: self.shown(self.get(path), expected) for path, expected in ANSWERS.items()}
        self.assertEqual({path: value for path, value in found.items() if value != ANSWERS[path]}, {})

    def shown(self, response: Response, expected: Any) -> Any:
        """What is compared: the status, the text, or the JSON."""
        if isinstance(expected, int):
            return response.status
        text = isinstance(expected, str) or response.status >= 400
        return response.text if text else response.json()

    def test_what_is_changed(self) -> None:
        self.assertEqual(self.post("/fn/post", data=b"body").text, "body")
        self.assertEqual(self.get("/fn/limited").status + self.get("/fn/limited").status, 200 + 429)
        self.assertEqual(self.post("/data/db", data={"text": ["one"]}).status, 200)
        self.assertEqual(self.get("/data/db").json(), [{"id": 1, "text": "one"}])
        self.assertEqual(self.request("PUT", "/data/json/b", data=b"2").status, 200)
        self.assertEqual(self.get("/data/json/b").json(), 2)
        self.assertEqual(self.post("/login", data={"user": "beta", "password": "beta"}).headers["location"], "/home")
        self.assertEqual(self.get("/members").text, "12")
        self.assertEqual(self.get("/private").status, 403)
        self.assertEqual(self.get("/logout").status, 302)
        self.assertEqual(self.get("/members").status, 302)

    def test_migrate_finds_nothing(self) -> None:
        folder = self.folder / "copy"
        shutil.copytree(APP, folder, ignore=shutil.ignore_patterns("__pycache__"))
        config = schema.build(reader.read(folder / "gramex.yaml"), Registry())
        self.assertEqual([str(finding) for finding in findings(config)], [])
