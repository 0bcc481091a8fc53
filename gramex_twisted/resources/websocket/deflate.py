"""permessage-deflate (RFC 7692): what is agreed upon, and a codec that keeps no memory between messages.

With 15 bits of window, zlib holds some 300 KB for each connection. By default each message is compressed by itself, and
nothing is held while a connection is idle.
"""

from __future__ import annotations

import zlib
from typing import Any

from autobahn.websocket.compress_deflate import PerMessageDeflate, PerMessageDeflateOffer
from pydantic import Field

from gramex_twisted.config.model import Model

NAME = PerMessageDeflate.EXTENSION_NAME


class Compression(Model):
    """How messages are compressed; what ``get_compression_options`` returns."""

    compression_level: int = Field(default=6, ge=0, le=9, description="zlib's level: 1 is fast, 9 is small.")
    mem_level: int = Field(default=8, ge=1, le=9, description="zlib's memory: 2**(mem_level + 9) bytes.")
    max_window_bits: int = Field(default=15, ge=9, le=15, description="Window of 2**bits bytes, both ways.")
    context_takeover: bool = Field(
        default=False,
        description="Compress each message with those before it in mind: smaller, but each connection then holds up to "
        "300 KB.",
    )


class Deflate(PerMessageDeflate):
    """autobahn's codec, with a level, and without memory between messages where nothing is taken over."""

    level = zlib.Z_DEFAULT_COMPRESSION

    def start_compress_message(self) -> None:
        if self._compressor is None or self.server_no_context_takeover:
            self._compressor = zlib.compressobj(self.level, zlib.DEFLATED, -self.server_max_window_bits, self.mem_level)

    def end_compress_message(self) -> bytes:
        data: bytes = super().end_compress_message()
        if self.server_no_context_takeover:
            self._compressor = None
        return data

    def end_decompress_message(self) -> None:
        super().end_decompress_message()
        if self.client_no_context_takeover:
            self._decompressor = None


def negotiate(
    offers: list[tuple[str, dict[str, list[Any]]]], options: Compression, most: int
) -> tuple[Deflate, str] | None:
    """The codec for the first offer that can be met, and the response's header; None where there is none.

    :param offers: the extensions that the client offers, parsed.
    :param most: bytes that a message may have once it is decompressed.
    """
    for name, parameters in offers:
        if name != NAME:
            continue
        try:
            offer = PerMessageDeflateOffer.parse(parameters)
        except Exception:  # noqa: BLE001 - autobahn has no other kind
            continue  # what is not understood is declined (RFC 7692, 7.1)
        return _agreed(offer, options, most)
    return None


def _agreed(offer: Any, options: Compression, most: int) -> tuple[Deflate, str]:
    own_bits = min(options.max_window_bits, offer.request_max_window_bits or 15)
    # A client that does not say that it can is not told to use a smaller window (7.1.2.2).
    client_bits = options.max_window_bits if offer.accept_max_window_bits else 15
    alone = not options.context_takeover
    own_alone = alone or offer.request_no_context_takeover
    # zlib cannot make raw deflate streams with a window of 256 bytes: it uses 512, which the header then says.
    codec = Deflate(True, own_alone, alone, max(9, own_bits), client_bits, options.mem_level, most)
    codec.level = options.compression_level
    parts = [NAME]
    parts += ["server_no_context_takeover"] if own_alone else []
    parts += ["client_no_context_takeover"] if alone else []
    parts += [f"server_max_window_bits={own_bits}"] if offer.request_max_window_bits else []
    parts += [f"client_max_window_bits={client_bits}"] if client_bits < 15 else []
    return codec, "; ".join(parts)
