"""Rooms: who gets what is broadcast."""

from __future__ import annotations

from typing import ClassVar

from tests.resources.websocket.support import BINARY, TEXT, Got, SocketTestCase, closing, text

FUNCTIONS = """
def say(handler, message):
    verb, _, rest = message.partition(" ")
    if verb == "join":
        handler.join(rest)
    elif verb == "leave":
        handler.leave(rest)
    elif verb == "others":
        handler.broadcast(rest, others=True)
    elif verb == "room":
        room, _, words = rest.partition(" ")
        handler.write_message(str(handler.broadcast(words, room=room)))
    elif verb == "json":
        handler.broadcast({"said": rest})
    elif verb == "bytes":
        handler.broadcast(b"\\xff", binary=True)
    else:
        handler.broadcast(message)

async def say_async(handler, message):
    handler.join("x")
    await handler.write_message(str(await handler.broadcast(message, room="x")))

def tell(handler):
    return handler.broadcast(handler.get_arg("text"), room=handler.get_arg("room", "chat"))
"""


class RoomTests(SocketTestCase):
    config = """
    url:
      chat: {pattern: /ws, handler: WebSocketHandler, kwargs: {on_message: functions.say}}
      other: {pattern: /other, handler: WebSocketHandler, kwargs: {on_message: functions.say}}
      async: {pattern: /async, handler: WebSocketHandler, kwargs: {on_message: functions.say_async}}
      tell: {pattern: /tell, handler: FunctionHandler, kwargs: {function: functions.tell}}
      tell-async:
        pattern: /tell-async
        handler: FunctionHandler
        kwargs: {function: 'handler.broadcast("hi", room="chat")'}
      join: {pattern: /join, handler: FunctionHandler, kwargs: {function: 'handler.join("x")'}}
    """
    files: ClassVar = {"functions.py": FUNCTIONS}

    def test_everybody_on_the_route_gets_it(self) -> None:
        one, two, other = self.open(), self.open(), self.open("/other")
        one.send(text("hello"))
        self.assertEqual([wire.texts() for wire in (one, two, other)], [["hello"], ["hello"], []])
        two.send(text("json x"), text("bytes"))
        self.assertEqual(one.got(), [Got(TEXT, b'{"said":"x"}'), Got(BINARY, b"\xff")])

    def test_it_may_leave_out_who_sends_it(self) -> None:
        one, two = self.open(), self.open()
        one.send(text("others hello"))
        self.assertEqual([one.texts(), two.texts()], [[], ["hello"]])

    def test_rooms_are_those_of_the_whole_app(self) -> None:
        one, two, other = self.open(), self.open(), self.open("/other")
        one.send(text("join red"))
        other.send(text("join red"))
        two.send(text("room red hello"))
        self.assertEqual([wire.texts() for wire in (one, two, other)], [["hello"], ["2"], ["hello"]])
        one.send(text("leave red"))
        two.send(text("room red again"))
        self.assertEqual([wire.texts() for wire in (one, two, other)], [[], ["1"], ["again"]])

    def test_any_handler_may_broadcast(self) -> None:
        wire = self.open()
        self.assertEqual(self.get("/tell?text=news").json(), 1)
        self.assertEqual(self.get("/tell-async").json(), 1)
        self.assertEqual(self.get("/tell?text=news&room=nobody").json(), 0)
        self.assertEqual(wire.texts(), ["news", "hi"])

    def test_on_the_reactor_too(self) -> None:
        wire = self.open("/async")
        wire.send(text("hello"))
        self.assertEqual(wire.texts(), ["hello", "1"])

    def test_who_is_gone_or_closing_gets_nothing_and_is_not_kept(self) -> None:
        one, two, three = self.open(), self.open(), self.open()
        two.send(closing())
        three.end()
        one.send(text("hello"))
        self.assertEqual((one.texts(), two.texts()), (["hello"], []))
        one.end()
        two.end()
        rooms = self.app.gramex.shared.rooms
        self.assertEqual((rooms._members, rooms._rooms), ({}, {}))

    def test_only_web_sockets_join(self) -> None:
        self.assertEqual(self.get("/join").status, 500)

    def test_one_that_does_not_read_does_not_keep_the_others_waiting(self) -> None:
        self.app = self.make_app(
            self.config.replace("url:", "handlers: {WebSocketHandler: {max_buffer: 1000}}\n    url:")
        )
        one, two = self.open(), self.open()
        one.transport.producer.pauseProducing()
        for _ in range(20):
            two.send(text("x" * 100))
        self.assertEqual(two.texts(), ["x" * 100] * 20)
        self.assertEqual([got.payload[:2] for got in one.got()], [b"\x03\xf0"])
