"""Document -> Config: sections outside `url:`."""

import time

from twisted.trial.unittest import TestCase

from gramex_twisted.config.schema import build, load
from gramex_twisted.registry import Registry
from tests.config.support import FILE, Handlers, config, document, errors_of, lines


class SectionsTest(TestCase):
    def test_a_config(self) -> None:
        found = config("app: {listen: 80, watch: on}\nthreadpool: {workers: 3}\nmime: {.x: text/x}\nmine: {a: 1}")
        self.assertEqual((found.app.listen.port, found.app.watch, found.threadpool.workers), (80, True, 3))
        self.assertEqual(
            (found.mime, found.tree["mine"], found.routes, found.warnings), ({".x": "text/x"}, {"a": 1}, (), ())
        )
        self.assertEqual(str(found.mark("mine", "a")), "/app/gramex.yaml:4:8")
        self.assertEqual(str(found.mark("mine", "b")), "/app/gramex.yaml:4:1")

    def test_sections_with_nothing_under_them(self) -> None:
        found = config("app:\nurl:\nhandlers:\nlog:\nthreadpool:\nmime:\n")
        self.assertEqual((found.app.listen.port, found.routes, found.threadpool.workers), (9988, (), 16))

    def test_every_mistake_is_told_at_once_at_its_own_key(self) -> None:
        found = errors_of(
            config,
            """
app:
  listen: {prot: 1, port: abc, max_body_size: 1 ZB, max_headers: 0}
  settings: {debug: maybe, template_whitespace: none, xsrf_cookie: true}
  session: {type: oracle, expiry: true}
  watch: [1]
  shutdown_timeout: .inf
  sesion: {}
threadpool: {workers: 0}
mime: {.x: [1]}
url: [1]
cache: 5
handlers: text
""",
        )
        self.assertEqual(
            sorted(found, key=lambda line: [int(part) for part in line.split(":")[1:3]]),
            [
                "gramex.yaml:3:12: app.listen: unknown key 'prot'; did you mean 'port'?",
                "gramex.yaml:3:21: app.listen.port: must be a whole number, not 'abc'",
                "gramex.yaml:3:32: app.listen.max_body_size: must be a whole number, not '1 ZB'",
                "gramex.yaml:3:53: app.listen.max_headers: must be at least 1, not 0",
                "gramex.yaml:4:14: app.settings.debug: must be true or false, not 'maybe'",
                "gramex.yaml:4:28: app.settings.template_whitespace: must be 'all', 'single' or 'oneline', not 'none'",
                "gramex.yaml:4:55: app.settings: unknown key 'xsrf_cookie'; did you mean 'xsrf_cookies'?",
                "gramex.yaml:5:13: app.session.type: must be 'sqlite', 'memory', 'json' or 'redis', not 'oracle'",
                "gramex.yaml:5:27: app.session.expiry: must be a number or false, not true",
                "gramex.yaml:6:3: app.watch: must be true or false, not a list",
                "gramex.yaml:7:3: app.shutdown_timeout: must be a finite number, not inf",
                "gramex.yaml:8:3: app: unknown key 'sesion'; did you mean 'session'?",
                "gramex.yaml:9:14: threadpool.workers: must be at least 1, not 0",
                "gramex.yaml:10:8: mime..x: must be text, not a list",
                "gramex.yaml:11:1: url: must be a mapping, not a list",
                "gramex.yaml:12:1: cache: must be a mapping, not 5",
                "gramex.yaml:13:1: handlers: must be a mapping, not 'text'",
            ],
        )

    def test_ports_and_limits(self) -> None:
        cases = {
            "app: {listen: {port: 70000}}": "1:16: app.listen.port: must be at most 65535, not 70000",
            "app: {listen: {port: true}}": "1:16: app.listen.port: must be a number, not true",
            "app: {listen: {port: 1.5}}": "1:16: app.listen.port: must be a whole number, not 1.5",
            "app: {listen: {endpoint: {a: 1}}}": "1:16: app.listen.endpoint: must be a list, not a mapping",
            "app: {listen: true}": "1:7: app.listen: must be a mapping, not true",
            "app: {listen: {body_timeout: -1}}": "1:16: app.listen.body_timeout: must be at least 0, not -1",
            "app: 5": "1:1: app: must be a mapping, not 5",
            "app: {session: {samesite: Loose}}": "1:17: app.session.samesite: must be 'Lax', 'Strict' or 'None', "
            "not 'Loose'",
        }
        for text, error in cases.items():
            self.assertEqual(errors_of(config, text), [f"gramex.yaml:{error}"])

    def test_unknown_keys_that_are_like_no_other_are_warned_about(self) -> None:
        found = config("app: {zebra: 1, settings: {okapi: 2}}")
        self.assertEqual(
            lines(found.warnings),
            [
                "gramex.yaml:1:7: app: unknown key 'zebra' has no effect here",
                "gramex.yaml:1:28: app.settings: unknown key 'okapi' has no effect here",
            ],
        )

    def test_keys_of_gramex_1_without_effect_are_no_typos(self) -> None:
        found = config("app: {settings: {xsrf_cookie_kwargs: {secure: true}}}")
        self.assertEqual(
            lines(found.warnings),
            ["gramex.yaml:1:18: app.settings: unknown key 'xsrf_cookie_kwargs' has no effect here"],
        )

    def test_top_level_keys_are_the_apps_own_but_typos_are_pointed_at(self) -> None:
        found = config("ulr: {}\nhandlres: {}\nprices: [1]\n")
        self.assertEqual(
            lines(found.warnings),
            [
                "gramex.yaml:1:1: unknown key 'ulr' is taken as the app's own; did you mean 'url'?",
                "gramex.yaml:2:1: unknown key 'handlres' is taken as the app's own; did you mean 'handlers'?",
            ],
        )
        self.assertEqual(found.tree["prices"], [1])

    def test_errors_of_reading_of_sections_and_of_routes_come_together(self) -> None:
        text = "app: {listen: {port: x}}\na: 1\na: 2\nurl:\n  home: {pattern: /, handler: Pag}\n"
        found = errors_of(load, FILE, Handlers(), text=text, environ={})
        self.assertEqual(
            found,
            [
                "gramex.yaml:3:1: duplicate key 'a'; the first is on line 2",
                "gramex.yaml:1:16: app.listen.port: must be a whole number, not 'x'",
                "gramex.yaml:5:22: url.home.handler: unknown handler 'Pag'; did you mean 'Page'?",
            ],
        )
        found = errors_of(load, FILE, Handlers(), text=text.partition("\n")[2], environ={})
        self.assertEqual([line.split(":")[1] for line in found], ["2", "4"])
        self.assertEqual(len(errors_of(load, FILE, Handlers(), text="[", environ={})), 1)

    def test_load_gives_the_config_with_the_errors_of_its_routes(self) -> None:
        found = load(FILE, Handlers(), text="url: {home: {pattern: /, handler: Pag}}", environ={})
        self.assertEqual(len(found.errors), 1)

    def test_errors_that_come_from_set_name_the_option(self) -> None:
        found = errors_of(build, document("", overrides=["app.listen.port=x"]), Handlers())
        self.assertEqual(found, ["--set app.listen.port=x: app.listen.port: must be a whole number, not 'x'"])


class HandlerDefaultsTest(TestCase):
    def test_mistakes_are_errors_of_the_file(self) -> None:
        found = errors_of(
            config,
            "handlers:\n  BaseHandler: {wait: x, headrs: {}}\n  Page: {index: maybe, own: 1}\n"
            "  PagHandler: {}\n  PageHandler: 5\n",
        )
        self.assertEqual(
            found,
            [
                "gramex.yaml:2:26: handlers.BaseHandler: unknown key 'headrs'; did you mean 'headers'?",
                "gramex.yaml:2:17: handlers.BaseHandler.wait: must be a number, not 'x'",
                "gramex.yaml:3:10: handlers.Page.index: must be true or false, not 'maybe'",
                "gramex.yaml:4:3: handlers: unknown handler 'PagHandler'; did you mean 'PageHandler'?",
                "gramex.yaml:5:3: handlers.PageHandler: must be a mapping, not 5",
            ],
        )

    def test_defaults_of_other_handlers_are_kept(self) -> None:
        found = config("handlers: {FormHandler: {x: 1}, my.Thing: {y: 2}, BrokenHandler: {z: 3}, PageHandler: null}")
        self.assertEqual(
            lines(found.warnings),
            ["gramex.yaml:1:51: handlers.BrokenHandler: handler BrokenHandler cannot be imported: No module named 'x'"],
        )


class SpeedTest(TestCase):
    def test_ten_thousand_routes_are_built_in_a_fraction_of_a_second(self) -> None:
        row = (
            "  r{0}: {{pattern: /p/{0}, handler: FunctionHandler, kwargs: {{function: str({0}), headers: {{A: b}}}}}}\n"
        )
        read = document("url:\n" + "".join(row.format(number) for number in range(10_000)))
        before = time.process_time()
        found = build(read, Registry())
        self.assertLess(time.process_time() - before, 2)  # 0.2 s where it was written
        self.assertEqual((len(found.routes), found.errors), (10_000, ()))
