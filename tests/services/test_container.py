"""What the handlers of an app share."""

from __future__ import annotations

from typing import Any

from twisted.application.service import Service

from gramex_twisted.testing import AppTestCase


class Pool(Service):
    """A part that is a service."""

    def __init__(self, services: Any) -> None:
        self.services = services


class Plain:
    """A part that is none."""

    def __init__(self, services: Any) -> None:
        self.services = services


class PartTests(AppTestCase):
    config = "app: {}"

    def test_an_app_has_one_of_a_kind(self) -> None:
        services = self.app.gramex.shared
        pool = services.part(Pool)
        self.assertIs(services.part(Pool), pool)
        self.assertIs(pool.services, services)
        self.assertIsInstance(services.part(Plain), Plain)
        self.assertIsNot(self.make_app("app: {}").gramex.shared.part(Pool), pool)

    def test_it_lives_as_long_as_the_app(self) -> None:
        pool = self.app.gramex.shared.part(Pool)
        self.assertTrue(pool.running)
        self.successResultOf(self.app.gramex.stopService())
        self.assertFalse(pool.running)

    def test_one_that_a_handler_asks_for_in_its_set_up_starts_with_the_app(self) -> None:
        self.write(
            "handlers.py",
            "from gramex_twisted.resources.base import Resource\n"
            "from tests.services.test_container import Pool\n"
            "class Own(Resource):\n"
            "    def __init__(self, setup):\n"
            "        super().__init__(setup)\n"
            "        self.pool = setup.services.part(Pool)\n"
            "        assert not self.pool.running\n"
            "    async def on_GET(self, context):\n"
            "        return [self.pool.running]\n",
        )
        self.app = self.make_app("url: {own: {pattern: /, handler: handlers.Own}}")
        self.assertEqual(self.get("/").json(), [True])
