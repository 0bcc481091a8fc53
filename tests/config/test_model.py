"""The base of option models, and the models of `app:`."""

from pydantic import ValidationError
from twisted.trial.unittest import TestCase

from gramex_twisted.config.model import known_keys, parse_size
from gramex_twisted.config.schema import Sections
from gramex_twisted.config.settings import App, Listen, Session, Settings
from gramex_twisted.config.validate import model_in
from tests.config.support import PageOptions, Part


class ModelTest(TestCase):
    def test_null_counts_as_not_written(self) -> None:
        options = PageOptions.model_validate({"path": "x", "index": None, "part": {"size": None}, "own": None})
        self.assertEqual((options.index, options.part.size), (False, 1))
        self.assertEqual(options.model_extra, {"own": None})

    def test_options_are_frozen(self) -> None:
        options = PageOptions(path="x")
        with self.assertRaises(ValidationError):
            options.path = "y"  # type: ignore[misc]

    def test_sizes(self) -> None:
        for text, size in {"100MB": 104857600, "64 KB": 65536, "1.5GiB": 1610612736, "7": 7, "2k": 2048}.items():
            self.assertEqual(parse_size(text), size)
        self.assertEqual([parse_size(value) for value in ("1 ZB", "", 5)], ["1 ZB", "", 5])

    def test_texts_may_be_written_as_numbers(self) -> None:
        self.assertEqual(Settings.model_validate({"cookie_secret": 12345}).cookie_secret, "12345")

    def test_every_field_is_described(self) -> None:
        todo, seen = [Sections, PageOptions], set()
        while todo:
            model = todo.pop()
            seen.add(model)
            for name, field in model.model_fields.items():
                self.assertTrue(field.description, f"{model.__name__}.{name}")
                inner = model_in(field.annotation)
                todo += [inner] if inner and inner not in seen else []
        self.assertIn(Listen, seen)
        self.assertIn(Part, seen)

    def test_known_keys(self) -> None:
        self.assertEqual(known_keys(Part), {"size": "size"})


class AppTest(TestCase):
    def test_secure_defaults(self) -> None:
        app = App()
        self.assertEqual(
            (app.listen.port, app.listen.address, app.listen.endpoint, app.listen.tls), (9988, "", (), None)
        )
        self.assertEqual((app.listen.max_body_size, app.listen.max_header_size), (100 << 20, 64 << 10))
        self.assertEqual((app.settings.debug, app.settings.tracebacks, app.settings.xsrf_cookies), (False, False, True))
        session = app.session
        self.assertEqual((session.type, session.cookie, session.expiry, session.cookiepath), ("sqlite", "sid", 31, "/"))
        self.assertEqual((session.httponly, session.secure, session.samesite), (True, None, "Lax"))
        self.assertEqual((app.shutdown_timeout, app.watch), (30, False))
        self.assertEqual(app.trusted_proxies, ("127.0.0.0/8", "::1/128", "unix"))

    def test_short_forms_of_listen(self) -> None:
        def listen(value: object) -> Listen:
            return App.model_validate({"listen": value}).listen

        self.assertEqual(listen(8000).port, 8000)
        self.assertEqual(listen("unix:/run/x").endpoint, ("unix:/run/x",))
        self.assertEqual(listen(["tcp:1", "tcp:2"]).endpoint, ("tcp:1", "tcp:2"))
        self.assertEqual(listen({"endpoint": "tcp:1"}).endpoint, ("tcp:1",))
        self.assertEqual(listen({"port": "8000"}).port, 8000)

    def test_certificates(self) -> None:
        self.assertEqual(Listen(certfile="c", keyfile="k").tls, ("c", "k"))
        self.assertEqual(Listen(certfile="both").tls, ("both", "both"))
        self.assertEqual(Listen(ssl_options={"certfile": "c", "keyfile": "k"}).tls, ("c", "k"))

    def test_tracebacks_follow_debug_unless_told(self) -> None:
        self.assertTrue(Settings(debug=True).tracebacks)
        self.assertFalse(Settings(debug=True, serve_traceback=False).tracebacks)

    def test_sessions_that_end_with_the_browser(self) -> None:
        self.assertIs(Session.model_validate({"expiry": False}).expiry, False)
