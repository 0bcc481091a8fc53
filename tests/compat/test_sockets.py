"""`gramex.handlers.BaseWebSocketHandler`: WebSockets as classes."""

from __future__ import annotations

from tests.resources.websocket.support import SocketTestCase, closed, closing, text

HANDLERS = """
from gramex.handlers import BaseWebSocketHandler

events = []


class Chat(BaseWebSocketHandler):
    @classmethod
    def setup(cls, word="none", **kwargs):
        super().setup(**kwargs)
        cls.word = word

    def prepare(self):
        events.append(("prepare", self.request.path))

    def open(self, room):
        self.room = room
        self.write_message(f"{self.word} {room} {self.get_argument('who', '')}")

    async def on_message(self, message):
        if message == "bye":
            self.close(4000, "as asked")
        else:
            self.write_message(f"{self.room}: {message}")

    def on_close(self):
        events.append(("close", self.room, self.close_code))

    def check_origin(self, origin):
        return origin.endswith(".example.org")


class Silent(BaseWebSocketHandler):
    def on_message(self, message):
        raise ValueError(message)
"""


class SocketTests(SocketTestCase):
    config = """
    url:
      chat: {pattern: '/chat/(.*)', handler: own.Chat, kwargs: {word: hello}}
      silent: {pattern: /silent, handler: own.Silent, kwargs: {on_message: 'handler.write_message("of the route")'}}
      guarded: {pattern: '/guarded/(.*)', handler: own.Chat, kwargs: {auth: true}}
    """
    files = {"own.py": HANDLERS}

    def test_its_methods_are_called(self) -> None:
        import own  # type: ignore[import-not-found]

        self.assertEqual(self.app.gramex.errors, [])
        wire = self.open("/chat/blue?who=Ada")
        self.assertEqual(wire.texts(), ["hello blue Ada"])
        wire.send(text("hi"))
        self.assertEqual(wire.texts(), ["blue: hi"])
        wire.send(text("bye"))
        self.assertEqual(wire.got(), [closed(4000, "as asked")])
        wire.send(closing(4000))
        wire.end()
        self.assertEqual(own.events, [("prepare", "/chat/blue"), ("close", "blue", 4000)])

    def test_check_origin_decides(self) -> None:
        self.open("/chat/blue", Origin="https://shop.example.org")
        refused = self.ask("/chat/blue", Origin="https://evil.test")
        self.assertEqual(refused.status, "HTTP/1.1 403 Forbidden")

    def test_functions_of_the_route_come_before_methods(self) -> None:
        wire = self.open("/silent")
        wire.send(text("hi"))
        self.assertEqual(wire.texts(), ["of the route"])

    def test_guards_come_first(self) -> None:
        self.assertEqual(self.ask("/guarded/x").status.split()[1], "401")

    def test_it_is_a_websocket_alone(self) -> None:
        self.assertEqual(self.get("/chat/blue").status, 426)
