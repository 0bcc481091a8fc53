"""Where the admin listens, what it needs, and what its numbers look like."""

from __future__ import annotations

from types import SimpleNamespace

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted import cli
from gramex_twisted.config.admin import Admin
from gramex_twisted.daemon.admin import formats
from gramex_twisted.daemon.admin.history import EVERY, SAMPLES, History
from gramex_twisted.daemon.admin.service import listener_of
from gramex_twisted.daemon.sockets import ListenError, Tcp, Unix
from gramex_twisted.services.measures import Measures
from tests.processes import ProcessTestCase
from tests.services.test_measures import ended


class ListenerTests(SynchronousTestCase):
    def test_places(self) -> None:
        self.assertEqual(listener_of(Admin()).place, Tcp(9989, "127.0.0.1"))
        self.assertEqual(listener_of(Admin(listen="[::1]:80")).place, Tcp(80, "::1"))

    def test_a_unix_socket_is_its_owners_unless_it_says_otherwise(self) -> None:
        for text, mode in (("unix:/run/a.sock", 0o600), ("unix:/run/a.sock:mode=660", 0o660)):
            place = listener_of(Admin(listen=text)).place
            assert isinstance(place, Unix)
            self.assertEqual((place.path, place.mode), ("/run/a.sock", mode))

    def test_what_is_no_endpoint(self) -> None:
        with self.assertRaises(ListenError) as caught:
            listener_of(Admin(listen="tcp:nowhere"))
        self.assertTrue(str(caught.exception).startswith("'tcp:nowhere' cannot be understood: "))


class MissingTests(ProcessTestCase):
    CONFIG = "app:\n  listen: {port: 0}\n  admin: true\n"

    async def test_a_missing_package_is_named_with_the_way_to_get_it(self) -> None:
        missing = "raise ModuleNotFoundError('there is none', name='prometheus_client')"
        self.write({"gramex.yaml": self.CONFIG, "prometheus_client.py": missing})
        server = self.spawn(env={"PYTHONPATH": str(self.folder)})
        self.assertEqual(await server.exited(), 64)
        told = "gramex.yaml:3:3: app.admin needs prometheus_client: pip install 'gramex-twisted[admin]'\n"
        self.assertIn(told, server.output)
        self.assertNotIn("Traceback", server.output)

    def test_check_says_so_too_and_knows_endpoints(self) -> None:
        self.write({"gramex.yaml": self.CONFIG})
        path = str(self.folder / "gramex.yaml")
        self.assertEqual(cli.inspect(path).errors, ())
        [error] = cli.inspect(path, ["app.admin.listen=tcp:nowhere"]).errors
        self.assertIn("app.admin.listen: 'tcp:nowhere' cannot be understood", str(error))
        self.patch(cli, "find_spec", lambda name: None)
        [error] = cli.inspect(path).errors
        self.assertIn("app.admin needs prometheus_client", str(error))


class HistoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock, self.measures = Clock(), Measures()
        self.history = History(self.clock, self.measures)
        self.history.start()
        self.addCleanup(self.history.stop)

    def count(self, number: int, seconds: float = 0.0) -> None:
        for _ in range(number):
            self.measures.route("home").record(ended(seconds=seconds))

    def test_rates_between_samples_and_of_the_last_minute(self) -> None:
        for number in (10, 0, 25):
            self.count(number)
            self.clock.advance(EVERY)
        self.assertEqual(self.history.rates(), [2.0, 0.0, 5.0])
        self.assertEqual(self.history.rate(), 35 / 15)
        self.clock.advance(2.5)
        self.assertEqual(self.history.rate(), 2.0)

    def test_the_minute_before_the_last_does_not_count(self) -> None:
        self.count(100, 3.0)
        for _ in range(13):
            self.clock.advance(EVERY)
        self.assertEqual((self.history.rate(), self.history.recent_quantile(0.95)), (0.0, None))
        self.count(10)
        self.assertTrue(0 < (self.history.recent_quantile(0.95) or 0) <= 0.001)

    def test_there_are_only_so_many_samples(self) -> None:
        for _ in range(SAMPLES + 20):
            self.clock.advance(EVERY)
        self.assertEqual((len(self.history.samples), len(self.history.rates())), (SAMPLES, SAMPLES - 1))

    def test_a_reactor_that_is_late_is_told(self) -> None:
        self.clock.advance(EVERY)
        self.assertEqual(self.history.delay, 0.0)
        self.clock.advance(EVERY + 0.75)
        self.assertAlmostEqual(self.history.delay, 0.75)
        for _ in range(14):
            self.clock.advance(EVERY - self.clock.seconds() % EVERY)
        self.assertEqual(self.history.delay, 0.0)


class FormatTests(SynchronousTestCase):
    def test_numbers(self) -> None:
        values = (None, 0, 7, 0.1234, 4.56, 123.4, 1234567)
        self.assertEqual(
            [formats.number(value) for value in values], ["–", "0", "7", "0.12", "4.6", "123", "1,234,567"]
        )

    def test_sizes(self) -> None:
        values = (None, 0, 1023, 1536, 100 << 20, 5 << 40)
        self.assertEqual(
            [formats.size(value) for value in values], ["–", "0 B", "1023 B", "1.5 KB", "100 MB", "5.0 TB"]
        )

    def test_times(self) -> None:
        values: tuple[float | None, ...] = (None, 0.0004, 0.0125, 3.14, 600)
        self.assertEqual([formats.took(value) for value in values], ["–", "0.4 ms", "12 ms", "3.1 s", "10 min"])
        now = 1_800_000_000.0
        self.patch(formats, "time", SimpleNamespace(time=lambda: now))
        values = (None, now, now - 90.5, now + 7300, now - 3.0 * 86400)
        self.assertEqual([formats.ago(value) for value in values], ["–", "now", "90 s ago", "in 2 h", "3 days ago"])
        self.assertEqual(formats.iso(0), "1970-01-01 00:00:00 UTC")
        self.assertIn("1970", formats.moment(86400))

    def test_a_line_has_its_newest_point_at_the_right(self) -> None:
        self.assertEqual(formats.line([1.0]), "")
        points = [tuple(map(float, point.split(","))) for point in formats.line([0.0, 2.0, 1.0]).split()]
        self.assertEqual(points[-1], (240.0, 24.0))
        self.assertEqual([y for _, y in points], [46.0, 2.0, 24.0])
        self.assertEqual(formats.line([0.0, 0.0]).split()[-1], "240.0,46.0")
