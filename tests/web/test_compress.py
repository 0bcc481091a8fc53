"""Compression by Accept-Encoding."""

from __future__ import annotations

import gzip

from twisted.trial.unittest import SynchronousTestCase

from gramex_twisted.testing import AppTestCase
from gramex_twisted.web.compress import Compressors, compressible
from tests.wire import Wire


class ChoiceTests(SynchronousTestCase):
    def test_the_best_that_the_client_takes_is_chosen(self) -> None:
        compressors = Compressors()
        compressors.available = {"zstd": bytes, "br": bytes, "gzip": bytes}
        for accept, chosen in (
            ("gzip", "gzip"),
            ("gzip, br, zstd", "zstd"),
            ("gzip;q=1.0, br;q=0.5", "gzip"),
            ("*", "zstd"),
            ("gzip;q=0", None),
            ("identity", None),
            ("br;q=nonsense, gzip", "gzip"),
            ("", None),
            ("GZIP", "gzip"),
            ("*;q=0, gzip", "gzip"),
        ):
            self.assertEqual(compressors.choose(accept), chosen, accept)

    def test_gzip_is_always_there(self) -> None:
        compressors = Compressors()
        self.assertEqual(gzip.decompress(compressors.compress("gzip", b"x" * 99)), b"x" * 99)

    def test_every_encoding_restores_the_data(self) -> None:
        compressors = Compressors()
        data = b"some text " * 1000
        restored = {"gzip": gzip.decompress(compressors.compress("gzip", data))}
        if "br" in compressors.available:
            import brotli

            restored["br"] = brotli.decompress(compressors.compress("br", data))
        if "zstd" in compressors.available:
            import zstandard

            restored["zstd"] = zstandard.decompress(compressors.compress("zstd", data))
        self.assertEqual(restored, dict.fromkeys(compressors.available, data))

    def test_text_is_compressible_and_pictures_are_not(self) -> None:
        for kind in ("text/html; charset=UTF-8", "application/json", "image/svg+xml", "application/x+json", "TEXT/CSV"):
            self.assertTrue(compressible(kind), kind)
        for kind in ("image/png", "application/zip", "application/octet-stream", ""):
            self.assertFalse(compressible(kind), kind)


class CompressionTests(AppTestCase):
    config = """
    url:
      long: {pattern: /long, handler: FunctionHandler, kwargs: {function: '"long text " * 1000'}}
      huge: {pattern: /huge, handler: FunctionHandler, kwargs: {function: '"long text " * 100000'}}
      short: {pattern: /short, handler: FunctionHandler, kwargs: {function: '"short"'}}
      png:
        pattern: /png
        handler: FunctionHandler
        kwargs: {function: '"x" * 9999', headers: {Content-Type: image/png}}
    """

    def head_and_body(self, url: str, accept: str) -> tuple[bytes, bytes]:
        wire = Wire(self.app)
        wire.send(f"GET {url} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {accept}\r\nConnection: close\r\n\r\n")
        wire.leave()
        head, _, body = wire.received.partition(b"\r\n\r\n")
        return head, body

    def test_long_text_is_compressed(self) -> None:
        for url, length in (("/long", 10_000), ("/huge", 1_000_000)):
            head, body = self.head_and_body(url, "gzip")
            self.assertIn(b"Content-Encoding: gzip", head)
            self.assertIn(b"Vary: Accept-Encoding", head)
            self.assertIn(b"Content-Length: %d" % len(body), head)
            self.assertEqual(gzip.decompress(body), b"long text " * (length // 10))

    def test_each_encoding_has_its_own_etag(self) -> None:
        tags = {self.head_and_body("/long", accept)[0].partition(b"Etag: ")[2][:26] for accept in ("gzip", "identity")}
        self.assertEqual(len(tags), 2)

    def test_a_client_that_wants_none_gets_none_but_vary(self) -> None:
        head, body = self.head_and_body("/long", "identity")
        self.assertNotIn(b"Content-Encoding", head)
        self.assertIn(b"Vary: Accept-Encoding", head)
        self.assertEqual(body, b"long text " * 1000)

    def test_short_text_and_pictures_stay_as_they_are(self) -> None:
        for url in ("/short", "/png"):
            head, _ = self.head_and_body(url, "gzip")
            self.assertNotIn(b"Content-Encoding", head)

    def test_it_can_be_switched_off(self) -> None:
        self.app = self.make_app("app: {settings: {compress_response: false}}\n" + self.config.replace("\n    ", "\n"))
        head, _ = self.head_and_body("/long", "gzip")
        self.assertNotIn(b"Content-Encoding", head)
