"""Compression by Accept-Encoding: gzip always, br and zstd where their packages are installed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Container, Mapping
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

#: Bytes below which compression is not worth its time.
SMALLEST = 1024

#: Best first.
ENCODINGS = ("zstd", "br", "gzip")

_TEXT = (
    "text/",
    "application/json",
    "application/javascript",
    "application/xml",
    "application/x-yaml",
    "application/yaml",
    "application/manifest+json",
    "application/geo+json",
    "application/wasm",
    "image/svg+xml",
)


def compressible(content_type: str) -> bool:
    """Whether a body of this type shrinks."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind.startswith(_TEXT) or kind.endswith(("+json", "+xml"))


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def _brotli(data: bytes) -> bytes:
    return import_module("brotli").compress(data, quality=4)  # type: ignore[no-any-return]


def _zstd(data: bytes) -> bytes:
    return import_module("zstandard").compress(data, 3)  # type: ignore[no-any-return]


class Compressors:
    """The encodings that this installation has, best first."""

    def __init__(self) -> None:
        self.available: dict[str, Callable[[bytes], bytes]] = {}
        if find_spec("zstandard"):
            self.available["zstd"] = _zstd
        if find_spec("brotli"):
            self.available["br"] = _brotli
        self.available["gzip"] = _gzip

    def choose(self, accept: str, ready: Container[str] = (), *, only_ready: bool = False) -> str | None:
        """The encoding to use for an Accept-Encoding header (RFC 9110, 12.5.3); None for none.

        :param ready: encodings that need no compressing, since the body is there in them.
        :param only_ready: none but these.
        """
        weights = _weights(accept)
        best, best_weight = None, 0.0
        for name in ENCODINGS:
            if name not in ready and (only_ready or name not in self.available):
                continue
            weight = weights.get(name, weights.get("*", 0.0))
            if weight > best_weight:
                best, best_weight = name, weight
        return best

    def compress(self, encoding: str, data: bytes) -> bytes:
        """``data`` in ``encoding``."""
        return self.available[encoding](data)


@lru_cache(256)  # browsers send the same few
def _weights(accept: str) -> Mapping[str, float]:
    weights = {}
    for part in accept.split(","):
        name, _, parameters = part.partition(";")
        quality = parameters.strip().lower().removeprefix("q=") if parameters.strip() else "1"
        try:
            weights[name.strip().lower()] = float(quality)
        except ValueError:
            weights[name.strip().lower()] = 0.0
    return weights
