"""permessage-deflate: what is agreed upon, what is sent, and bombs."""

from __future__ import annotations

import zlib

from tests.resources.websocket.support import (
    BINARY,
    PING,
    TEXT,
    Got,
    SocketTestCase,
    SocketWire,
    closing,
    frame,
    text,
)

ECHO = "handler.write_message(message, isinstance(message, bytes))"
CONFIG = f"""
handlers: {{WebSocketHandler: {{on_message: '{ECHO}', max_message_size: 1 MB}}}}
url:
  off: {{pattern: /off, handler: WebSocketHandler}}
  on: {{pattern: /on, handler: WebSocketHandler, kwargs: {{get_compression_options: {{}}}}}}
  small:
    pattern: /small
    handler: WebSocketHandler
    kwargs: {{get_compression_options: {{max_window_bits: 9, mem_level: 1, compression_level: 1}}}}
  context:
    pattern: /context
    handler: WebSocketHandler
    kwargs: {{get_compression_options: {{context_takeover: true}}}}
  function:
    pattern: /function
    handler: WebSocketHandler
    kwargs: {{get_compression_options: '{{"mem_level": 5}} if handler.get_arg("zip", "") else None'}}
"""
OFFER = "permessage-deflate; client_max_window_bits"


def deflated(data: bytes, bits: int = 15) -> bytes:
    """``data`` as a compressed message."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -bits)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


def inflated(data: bytes, bits: int = 15) -> bytes:
    """What a compressed message says."""
    return zlib.decompressobj(-bits).decompress(data + b"\0\0\xff\xff")


class DeflateTests(SocketTestCase):
    config = CONFIG

    def agreed(self, path: str, offer: str) -> str:
        """The server's answer to an offer; "" for none."""
        head = self.open(path, Sec_WebSocket_Extensions=offer).head.decode()
        found = [line for line in head.split("\r\n") if line.startswith("Sec-WebSocket-Extensions: ")]
        return found[0].partition(": ")[2] if found else ""

    def fails(self, code: int, wire: SocketWire) -> None:
        self.assertEqual([int.from_bytes(got.payload[:2], "big") for got in wire.got()], [code])

    def test_12_offers_and_their_answers(self) -> None:
        alone = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        for path, offer, wanted in [
            ("/off", OFFER, ""),
            ("/on", OFFER, alone),
            ("/on", "permessage-deflate", alone),
            ("/on", "x-webkit-deflate-frame, permessage-deflate", alone),
            ("/on", "permessage-deflate; unknown=1", ""),
            ("/on", "permessage-deflate; server_max_window_bits=7", ""),
            ("/on", "permessage-deflate; server_max_window_bits=7, permessage-deflate", alone),
            ("/on", "permessage-deflate; server_max_window_bits=10", alone + "; server_max_window_bits=10"),
            ("/small", OFFER, alone + "; client_max_window_bits=9"),
            ("/small", "permessage-deflate", alone),
            ("/context", OFFER, "permessage-deflate"),
            ("/context", OFFER + "; server_no_context_takeover", "permessage-deflate; server_no_context_takeover"),
            ("/function", OFFER, ""),
            ("/function?zip=1", OFFER, alone),
        ]:
            self.assertEqual(self.agreed(path, offer), wanted, (path, offer))

    def test_12_messages_are_compressed_both_ways(self) -> None:
        for path, bits in [("/on", 15), ("/small", 9), ("/context", 15)]:
            wire = self.open(path, Sec_WebSocket_Extensions=OFFER)
            for opcode, data in [(TEXT, b""), (TEXT, b"hello " * 1000), (BINARY, bytes(range(100)) * 50)]:
                wire.send(frame(opcode, deflated(data, bits), rsv=4))
                [got] = wire.got()
                self.assertEqual((got.opcode, got.rsv, got.fin), (opcode, 4, True))
                if path != "/context":
                    self.assertEqual(inflated(got.payload), data)
                    self.assertLess(len(got.payload), max(20, len(data) // 3))

    def test_12_a_message_need_not_be_compressed(self) -> None:
        wire = self.open("/on", Sec_WebSocket_Extensions=OFFER)
        wire.send(text("plain") + frame(PING, b"1"))
        [got, pong] = wire.got()
        self.assertEqual((inflated(got.payload), pong.rsv), (b"plain", 0))

    def test_13_fragments_are_compressed_as_one(self) -> None:
        data = deflated(b"hello " * 1000)
        wire = self.open("/on", Sec_WebSocket_Extensions=OFFER)
        wire.send(frame(TEXT, data[:5], fin=False, rsv=4), frame(PING, b"x"), frame(0, data[5:]))
        [pong, got] = wire.got()
        self.assertEqual((pong.payload, inflated(got.payload)), (b"x", b"hello " * 1000))

    def test_13_context_is_taken_over_where_that_is_agreed(self) -> None:
        wire = self.open("/context", Sec_WebSocket_Extensions=OFFER)
        compressor, decompressor = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
        sizes = []
        for _ in range(2):
            data = compressor.compress(b"a text that repeats itself") + compressor.flush(zlib.Z_SYNC_FLUSH)
            wire.send(frame(TEXT, data[:-4], rsv=4))
            [got] = wire.got()
            sizes.append(len(got.payload))
            self.assertEqual(decompressor.decompress(got.payload + b"\0\0\xff\xff"), b"a text that repeats itself")
        self.assertLess(sizes[1], sizes[0] / 2)

    def test_an_idle_connection_holds_no_compressor(self) -> None:
        wire = self.open("/on", Sec_WebSocket_Extensions=OFFER)
        wire.send(frame(TEXT, deflated(b"hello"), rsv=4))
        codec = wire.protocol._perMessageCompress
        self.assertEqual((codec._compressor, codec._decompressor), (None, None))

    def test_a_bomb_is_1009(self) -> None:
        bomb = deflated(b"\0" * (20 << 20))
        self.assertLess(len(bomb), 25_000)
        wire = self.open("/on", Sec_WebSocket_Extensions=OFFER)
        wire.send(frame(BINARY, bomb, rsv=4))
        self.fails(1009, wire)
        fragments = self.open("/on", Sec_WebSocket_Extensions=OFFER)
        fragments.send(frame(BINARY, bomb[:2000], fin=False, rsv=4), frame(0, bomb[2000:]))
        self.fails(1009, fragments)

    def test_the_longest_message_is_none(self) -> None:
        data = b"x" * (1 << 20)
        wire = self.open("/on", Sec_WebSocket_Extensions=OFFER)
        wire.send(frame(TEXT, deflated(data), rsv=4))
        [got] = wire.got()
        self.assertEqual(inflated(got.payload), data)

    def test_what_cannot_be_decompressed_fails(self) -> None:
        wire = self.open("/on", Sec_WebSocket_Extensions=OFFER)
        wire.send(frame(TEXT, b"\xff\xff\xff\xff", rsv=4))
        self.fails(1007, wire)

    def test_text_that_is_not_utf8_inside_fails(self) -> None:
        wire = self.open("/on", Sec_WebSocket_Extensions=OFFER)
        wire.send(frame(TEXT, deflated(b"\xff\xfe"), rsv=4))
        self.fails(1007, wire)

    def test_the_bit_is_for_first_frames_of_messages_where_it_was_agreed(self) -> None:
        data = deflated(b"hello")
        for path, sent in [
            ("/off", frame(TEXT, data, rsv=4)),
            ("/on", frame(TEXT, data[:2], fin=False, rsv=4) + frame(0, data[2:], rsv=4)),
            ("/on", frame(PING, b"", rsv=4)),
            ("/on", frame(TEXT, data, rsv=6)),
        ]:
            wire = self.open(path, Sec_WebSocket_Extensions=OFFER)
            wire.send(sent)
            self.fails(1002, wire)

    def test_closing_works_as_ever(self) -> None:
        wire = self.open("/on", Sec_WebSocket_Extensions=OFFER)
        wire.send(closing(1000))
        self.assertEqual(wire.got(), [Got(8, b"\x03\xe8")])
