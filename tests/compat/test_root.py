"""`gramex.conf`, `gramex.config.variables` and `gramex.service` are those of the app whose code runs."""

from __future__ import annotations

import threading
from typing import Any

from gramex_twisted.testing import AppTestCase

CONFIG = """
name: {name}
variables:
  CITY: {name}-city
  SEEN: {{function: early.variable, default: none}}
gramexlog: {{logs: {{host: localhost, keys: [method, user.id]}}}}
storelocations: {{otp: {{url: sqlite:///otp.db, table: otp}}}}
url:
  conf: {{pattern: /conf, handler: FunctionHandler, kwargs: {{function: module.names}}}}
  bound: {{pattern: /bound, handler: FunctionHandler, kwargs: {{function: module.bound}}}}
  expression: {{pattern: /expression, handler: FunctionHandler, kwargs: {{function: gramex.conf.name}}}}
  whole: {{pattern: /whole, handler: FunctionHandler, kwargs: {{function: module.whole}}}}
  change: {{pattern: /change, handler: FunctionHandler, kwargs: {{function: module.change}}}}
  own: {{pattern: /own, handler: FunctionHandler, kwargs: {{function: module.own_thread}}}}
  pool: {{pattern: /pool, handler: FunctionHandler, kwargs: {{function: module.pool}}}}
  service: {{pattern: '/service/(.*)', handler: FunctionHandler, kwargs: {{function: module.service(handler)}}}}
  log: {{pattern: /log, handler: FunctionHandler, kwargs: {{function: module.log}}}}
"""
MODULE = """
import json, threading
import gramex
from gramex import conf, service as services
from gramex.config import variables, CustomJSONEncoder

at_import = [gramex.conf.name, conf['name'], variables['CITY'], variables['NOTHING'], gramex.appconfig.name]


def names(handler):
    return {"conf": gramex.conf.name, "bound": conf.name, "city": variables["CITY"], "get": variables.get("X", 1),
            "seen": variables["SEEN"], "import": at_import, "attribute": variables.CITY, "none": variables["NOTHING"]}
def bound(handler):
    return [conf.url.bound.pattern, isinstance(conf, dict), "url" in conf, len(conf) > 3, conf == dict(conf),
            bool(conf), sorted(set(conf) & {"url", "name"}), {**conf}["name"]]
def whole(handler):
    return json.loads(json.dumps(conf, cls=CustomJSONEncoder))["name"] + json.loads(json.dumps(conf.copy()))["name"]
def change(handler):
    conf["name"] = "changed"
    variables.NEW = 1
    return [gramex.conf.name, variables["NEW"]]
def own_thread(handler):
    found = []
    def work():
        try:
            found.append(gramex.conf.name)
        except RuntimeError as error:
            found.append(str(error))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found
def pool(handler):
    future = gramex.service.threadpool.submit(lambda x: (gramex.conf.name, x, threading.current_thread().name), 3)
    return future.result(60)
def service(handler):
    name = handler.path_args[0]
    if name == "route":
        route = services.url["bound"]
        return [route.name, route.pattern, route.handler_class.kwargs.function, route.handler_class.conf.handler]
    if name == "app":
        return services.app.settings["login_url"]
    if name == "stores":
        return services.storelocations.otp.table
    return [getattr(services, "nothing", None), name in services, min(services), services.schedule, services.email]
def log(handler):
    gramex.log(handler, x=1)
    if handler.args:
        gramex.log("nowhere")
"""
FILES = {
    "module.py": MODULE,
    "early.py": """
from gramex.config import variables
import gramex
def variable(key):
    return f"{key} {variables['CITY']} {variables['NOTHING']}{len(gramex.conf)}"
""",
}


class RootTests(AppTestCase):
    config = CONFIG.format(name="a")
    files = FILES

    def test_names_are_found_at_import_in_functions_and_in_variables(self) -> None:
        self.assertEqual(
            self.get("/conf").json(),
            {
                "conf": "a",
                "bound": "a",
                "city": "a-city",
                "get": 1,
                "seen": "SEEN a-city 0",
                "import": ["a", "a", "a-city", "", "a"],
                "attribute": "a-city",
                "none": "",
            },
        )
        self.assertEqual(self.get("/expression").text, "a")

    def test_what_is_bound_at_import_looks_like_a_dict(self) -> None:
        expected: list[Any] = ["/bound", True, True, True, True, True, ["name", "url"], "a"]
        self.assertEqual(self.get("/bound").json(), expected)
        self.assertEqual(self.get("/whole").text, "aa")

    def test_two_apps_that_share_a_module_never_meet(self) -> None:
        first = self.app
        second = self.make_app(self.config.replace("name: a", "name: b"))
        self.app = second
        self.assertEqual(self.get("/change").json(), ["changed", 1])
        self.assertEqual([self.get("/conf").json()[key] for key in ("conf", "bound")], ["changed", "changed"])
        self.app = first
        self.assertEqual([self.get("/conf").json()[key] for key in ("conf", "bound")], ["a", "a"])

    def test_a_thread_of_the_users_own_belongs_to_the_only_app(self) -> None:
        self.assertEqual(self.get("/own").json(), ["a"])

    def test_the_thread_pool_runs_in_threads_of_its_own_and_knows_the_app(self) -> None:
        name, value, thread = self.get("/pool").json()
        self.assertEqual((name, value), ("a", 3))
        self.assertIn("gramex-threadpool", thread)
        self.successResultOf(self.app.gramex.drain())
        self.assertEqual(threading.active_count() > 0, True)

    def test_services(self) -> None:
        self.assertEqual(self.get("/service/route").json(), ["bound", "/bound", "module.bound", "FunctionHandler"])
        self.assertEqual(self.get("/service/app").text, "/login/")
        self.assertEqual(self.get("/service/stores").text, "otp")
        self.assertEqual(self.get("/service/email").json(), [None, True, "alert", {}, {}])

    def test_what_is_logged_waits_for_its_server(self) -> None:
        from gramex_twisted.services.gramexlog import GramexLogs

        self.assertEqual(self.get("/log").status, 200)
        [record] = self.app.gramex.shared.part(GramexLogs).apps["logs"].waiting
        self.assertIn(b'"x":1', record)

    def test_a_log_without_an_entry_says_which_there_are(self) -> None:
        self.assertEqual(self.get("/log?nowhere=1").status, 500)
        [error] = self.log_errors()
        self.assertIn("gramexlog: there is no 'nowhere'; there is logs", error)

    def log_errors(self) -> list[str]:
        return [row[6] for row in self.app.rows if row[6]]


class SeveralAppsTests(AppTestCase):
    config = RootTests.config
    files = FILES

    def test_a_thread_of_the_users_own_says_what_to_do_where_there_are_several(self) -> None:
        folder = self.folder
        self.folder = folder / "other"
        self.folder.mkdir()
        self.make_app("url: {}")
        self.folder = folder
        [message] = self.get("/own").json()
        self.assertIn("contextvars.copy_context().run", message)


class TurnedOffTests(AppTestCase):
    config = """
    compat: false
    url:
      uses: {pattern: /uses, handler: FunctionHandler, kwargs: {function: uses.it}}
    """
    files = {"uses.py": "import gramex\ndef it(handler): return gramex.conf.name\n"}

    def test_compat_false_turns_it_off(self) -> None:
        self.assertEqual(self.get("/uses").status, 500)
        [error] = self.app.gramex.errors
        self.assertIn("No module named 'gramex'", str(error))


class ShutdownTests(AppTestCase):
    config = "url: {stop: {pattern: /stop, handler: FunctionHandler, kwargs: {function: gramex.shutdown()}}}"

    def test_shutdown_stops_the_reactor(self) -> None:
        stopped: list[bool] = []
        self.clock.stop = lambda: stopped.append(True)
        self.assertEqual(self.get("/stop").status, 200)
        self.clock.advance(0)
        self.assertEqual(stopped, [True])
