"""The groups of cases of the Autobahn TestSuite, as frames: what is sent, and what must come back."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.resources.websocket.support import (
    BINARY,
    CLOSE,
    ECHO,
    PING,
    PONG,
    TEXT,
    Got,
    SocketTestCase,
    closed,
    closing,
    frame,
    text,
)

CONTINUATION = 0
HELLO = Got(TEXT, b"hello")


class FrameCase(SocketTestCase):
    config = f"url: {{ws: {{pattern: /ws, handler: WebSocketHandler, kwargs: {{on_message: '{ECHO}'}}}}}}"

    def exchange(self, sent: bytes, chop: int = 0) -> list[Got]:
        """What comes back for ``sent``, on a connection of its own; in pieces of ``chop`` bytes, if given."""
        wire = self.open()
        pieces = [sent[start : start + chop] for start in range(0, len(sent), chop)] if chop else [sent]
        wire.send(*pieces)
        return wire.got()

    def fails(self, code: int, sent: bytes, before: list[Got] | None = None) -> str:
        """``sent`` closes the connection with ``code``, after ``before``; the reason that is given."""
        for chop in (0, 1):
            wire = self.open()
            wire.send(*([sent] if not chop else [sent[i : i + 1] for i in range(len(sent))]))
            *answers, last = wire.got()
            self.assertEqual(answers, before or [], (sent[:50], chop))
            self.assertEqual((last.opcode, struct.unpack("!H", last.payload[:2])[0]), (CLOSE, code), sent[:50])
            wire.send(text("more"))
            self.assertEqual(wire.got(), [], "nothing is read after a failure")
            self.assertTrue(wire.closed)
        return last.payload[2:].decode()


class FramingTests(FrameCase):
    def test_1_messages_of_every_length_come_back(self) -> None:
        for length in (0, 1, 125, 126, 127, 128, 16383, 16384, 16385, 65535, 65536, 100_000):
            payload = b"*" * length
            for opcode in (TEXT, BINARY):
                self.assertEqual(self.exchange(frame(opcode, payload)), [Got(opcode, payload)], length)
        for length in (0, 125, 126, 300):
            self.assertEqual(self.exchange(frame(TEXT, b"x" * length), chop=1), [Got(TEXT, b"x" * length)], length)
        self.assertEqual(self.exchange(frame(BINARY, b"\xfe" * 65536), chop=997), [Got(BINARY, b"\xfe" * 65536)])

    def test_1_a_frame_without_a_mask_fails(self) -> None:
        self.fails(1002, frame(TEXT, b"hello", mask=b""))

    def test_1_a_length_that_could_be_shorter_fails(self) -> None:
        self.fails(1002, b"\x81\xfe\x00\x05" + b"\0" * 4 + b"hello")
        self.fails(1002, b"\x81\xff" + struct.pack("!Q", 5) + b"\0" * 4 + b"hello")
        self.fails(1002, b"\x82\xff" + struct.pack("!Q", 1 << 63) + b"\0" * 4 + b"hello")

    @given(st.data())
    @settings(max_examples=30, deadline=None)
    def test_1_it_does_not_matter_how_the_bytes_arrive(self, data: st.DataObject) -> None:
        parts = st.one_of(
            st.binary(max_size=200).map(lambda payload: (frame(BINARY, payload), Got(BINARY, payload))),
            st.binary(max_size=125).map(lambda payload: (frame(PING, payload), Got(PONG, payload))),
            st.text(max_size=50).map(
                lambda words: (
                    frame(TEXT, words.encode()[:7], fin=False)
                    + frame(PONG, b"x")
                    + frame(CONTINUATION, words.encode()[7:]),
                    Got(TEXT, words.encode()),
                )
            ),
        )
        sent, wanted = zip(*data.draw(st.lists(parts, min_size=1, max_size=10)), strict=True)
        stream, pieces = b"".join(sent), []
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            pieces.append(stream[:size])
            stream = stream[size:]
        wire = self.open()
        wire.send(*pieces)
        self.assertEqual(wire.got(), list(wanted))


class ControlTests(FrameCase):
    def test_2_pings_are_answered_with_their_data(self) -> None:
        for payload in (b"", b"hello", b"\x00\xff\xfe", b"*" * 125):
            self.assertEqual(self.exchange(frame(PING, payload)), [Got(PONG, payload)])
            self.assertEqual(self.exchange(frame(PING, payload), chop=1), [Got(PONG, payload)])
        many = b"".join(frame(PING, b"%d" % i) for i in range(10))
        self.assertEqual(self.exchange(many), [Got(PONG, b"%d" % i) for i in range(10)])

    def test_2_a_control_frame_of_126_bytes_fails(self) -> None:
        for opcode in (PING, PONG, CLOSE):
            self.fails(1002, frame(opcode, b"*" * 126))

    def test_2_pongs_that_nobody_asked_for_are_ignored(self) -> None:
        sent = frame(PONG) + frame(PONG, b"x") + frame(PING, b"1")
        self.assertEqual(self.exchange(sent), [Got(PONG, b"1")])

    def test_3_reserved_bits_fail(self) -> None:
        for rsv in range(1, 8):
            self.fails(1002, text("hello") + frame(TEXT, b"x", rsv=rsv), [HELLO])
            self.fails(1002, frame(PING, b"x", rsv=rsv))
        self.fails(1002, frame(CLOSE, b"", rsv=7))

    def test_4_reserved_opcodes_fail(self) -> None:
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            self.fails(1002, text("hello") + frame(opcode) + frame(PING), [HELLO])
            self.fails(1002, frame(opcode, b"payload"))


class FragmentTests(FrameCase):
    def test_5_messages_are_put_together(self) -> None:
        sent = frame(TEXT, b"hel", fin=False) + frame(CONTINUATION, b"lo")
        for chop in (0, 1):
            self.assertEqual(self.exchange(sent, chop), [HELLO])
        pieces = [frame(BINARY, b"a", fin=False), *[frame(CONTINUATION, b"b", fin=False)] * 1000, frame(CONTINUATION)]
        self.assertEqual(self.exchange(b"".join(pieces)), [Got(BINARY, b"a" + b"b" * 1000)])
        empty = frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) + frame(CONTINUATION)
        self.assertEqual(self.exchange(empty), [Got(TEXT, b"")])

    def test_10_a_long_message_in_fragments_comes_back_whole(self) -> None:
        message = b"*" * 65536
        first, *others = (message[start : start + 1300] for start in range(0, len(message), 1300))
        sent = [frame(TEXT, first, fin=False), *(frame(CONTINUATION, part, fin=False) for part in others[:-1])]
        sent.append(frame(CONTINUATION, others[-1]))
        self.assertEqual(self.exchange(b"".join(sent)), [Got(TEXT, message)])

    def test_5_pings_come_between_fragments(self) -> None:
        sent = frame(TEXT, b"hel", fin=False) + frame(PING, b"1") + frame(CONTINUATION, b"lo")
        self.assertEqual(self.exchange(sent), [Got(PONG, b"1"), HELLO])
        self.assertEqual(self.exchange(sent, chop=1), [Got(PONG, b"1"), HELLO])

    def test_5_a_control_frame_in_fragments_fails(self) -> None:
        self.fails(1002, frame(PING, b"a", fin=False) + frame(CONTINUATION, b"b"))
        self.fails(1002, frame(PONG, b"a", fin=False))

    def test_5_a_continuation_of_nothing_fails(self) -> None:
        for fin in (True, False):
            self.fails(1002, frame(CONTINUATION, b"x", fin=fin) + text("hello"))
        self.fails(1002, text("hello") + frame(CONTINUATION, b"x"), [HELLO])

    def test_5_a_new_message_inside_another_fails(self) -> None:
        self.fails(1002, frame(TEXT, b"a", fin=False) + text("b"))
        self.fails(1002, frame(TEXT, b"a", fin=False) + frame(BINARY, b"b", fin=False))

    def test_endless_empty_fragments_hold_no_memory(self) -> None:
        wire = self.open()
        wire.send(frame(BINARY, b"", fin=False), frame(CONTINUATION, b"", fin=False) * 5000)
        self.assertEqual(len(wire.protocol.message_data), 0)
        wire.send(frame(CONTINUATION, b"end"))
        self.assertEqual(wire.got(), [Got(BINARY, b"end")])


class Utf8Tests(FrameCase):
    VALID = (
        "",
        "hello",
        "κόσμε",
        "\x00",
        "\x7f",
        "\x80",
        "\u07ff",
        "\u0800",
        "\ud7ff",
        "\ue000",
        "\uffff",
        "\U0010ffff",
    )
    INVALID = (
        b"\x80",
        b"\xbf\xbf",
        b"\xc0\xaf",
        b"\xc1\xbf",
        b"\xe0\x80\xaf",
        b"\xed\xa0\x80",
        b"\xed\xbf\xbf",
        b"\xf0\x80\x80\xaf",
        b"\xf4\x90\x80\x80",
        b"\xf5\x80\x80\x80",
        b"\xfe",
        b"\xff",
        b"\xce",
        b"\xf0\x90\x80",
        b"Hello\xff\xce\xba",
    )

    def test_6_valid_text_comes_back_however_it_is_cut(self) -> None:
        for words in self.VALID:
            data = words.encode()
            self.assertEqual(self.exchange(frame(TEXT, data)), [Got(TEXT, data)])
            pieces = [frame(TEXT, b"", fin=False)]
            pieces += [frame(CONTINUATION, data[i : i + 1], fin=False) for i in range(len(data))]
            self.assertEqual(self.exchange(b"".join([*pieces, frame(CONTINUATION)])), [Got(TEXT, data)])

    def test_6_invalid_text_fails(self) -> None:
        for data in self.INVALID:
            self.fails(1007, frame(TEXT, data))
            self.fails(1007, text("hello") + frame(TEXT, data + b"x" * 20_000), [HELLO])
            self.fails(1007, frame(TEXT, data[:1], fin=False) + frame(CONTINUATION, data[1:]))

    def test_6_it_fails_before_the_message_is_whole(self) -> None:
        self.fails(1007, frame(TEXT, b"\xce\xba\xff", fin=False))
        self.fails(1007, frame(TEXT, b"\xf4\x90" + b"x" * 50_000)[:20_000])

    def test_6_binary_messages_may_be_anything(self) -> None:
        for data in self.INVALID:
            self.assertEqual(self.exchange(frame(BINARY, data)), [Got(BINARY, data)])


class CloseTests(FrameCase):
    def test_7_closing_is_answered_with_the_same_code(self) -> None:
        for sent, wanted in [
            (closing(None), Got(CLOSE, b"")),
            (closing(1000), closed(1000)),
            (closing(1001, b"bye"), closed(1001, "bye")),
            (closing(3000, "κόσμε".encode()), closed(3000, "κόσμε")),
            (closing(4999, b"x" * 123), closed(4999, "x" * 123)),
        ]:
            for chop in (0, 1):
                wire = self.open()
                pieces = [sent[i : i + 1] for i in range(len(sent))] if chop else [sent]
                wire.send(*pieces)
                self.assertEqual(wire.got(), [wanted])
                self.assertTrue(wire.closed)

    def test_7_codes_that_are_never_sent_fail(self) -> None:
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535):
            self.fails(1002, closing(code))

    def test_7_codes_that_may_be_sent_do_not(self) -> None:
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 3999, 4000, 4999):
            self.assertEqual(self.exchange(closing(code)), [closed(code)])

    def test_7_a_body_of_one_byte_or_a_broken_reason_fails(self) -> None:
        self.fails(1002, frame(CLOSE, b"\x03"))
        self.fails(1007, closing(1000, b"\xce\xba\xff"))

    def test_7_what_comes_after_closing_is_ignored(self) -> None:
        for more in (text("more"), frame(PING, b"1"), closing(1001), b"\xff" * 50):
            self.assertEqual(self.exchange(text("hello") + closing(1000) + more), [HELLO, closed(1000)])

    def test_7_closing_in_the_middle_of_a_message(self) -> None:
        self.assertEqual(self.exchange(frame(TEXT, b"a", fin=False) + closing(1000)), [closed(1000)])


class LimitTests(FrameCase):
    config = f"""
    url:
      ws: {{pattern: /ws, handler: WebSocketHandler, kwargs: {{on_message: '{ECHO}', max_message_size: 100 KB}}}}
    """
    MOST = 100 << 10

    def test_9_the_longest_message_comes_back(self) -> None:
        payload = b"x" * self.MOST
        self.assertEqual(self.exchange(frame(TEXT, payload)), [Got(TEXT, payload)])
        half = self.MOST // 2
        fragments = frame(BINARY, payload[:half], fin=False) + frame(CONTINUATION, payload[half:])
        self.assertEqual(self.exchange(fragments), [Got(BINARY, payload)])

    def test_9_a_longer_one_is_refused_before_it_arrives(self) -> None:
        for head in (frame(TEXT, b"x" * (self.MOST + 1))[:14], b"\x82\xff" + struct.pack("!Q", 1 << 40) + b"\0" * 4):
            reason = self.fails(1009, head)
            self.assertIn("exceeds payload limit of 102400 octets", reason)

    def test_9_so_are_fragments_that_come_to_more(self) -> None:
        part = b"x" * (self.MOST // 2 + 1)
        wire = self.open()
        wire.send(frame(BINARY, part, fin=False), frame(CONTINUATION, part, fin=False))
        self.assertEqual([got.payload[:2] for got in wire.got()], [struct.pack("!H", 1009)])

    def test_9_a_route_with_a_tiny_limit(self) -> None:
        self.app = self.make_app(self.config.replace("100 KB", "10"))
        self.assertEqual(self.exchange(frame(TEXT, b"x" * 10)), [Got(TEXT, b"x" * 10)])
        self.fails(1009, frame(TEXT, b"x" * 11))
