"""MessagePack: text and bytes apart, times as the standard's timestamps."""

from __future__ import annotations

from typing import Any

import msgpack  # type: ignore[import-untyped]

from gramex_twisted.resources.api.formats.plain import in_utc, plain


def to_msgpack(value: Any) -> bytes:
    """``value`` as MessagePack. A whole number of more than 64 bits becomes a float.

    :raises TypeError: for what MessagePack cannot say.
    """
    try:
        packed: bytes = msgpack.packb(plain(value, moment=in_utc, octets=bytes), use_bin_type=True, datetime=True)
    except (ValueError, OverflowError, RecursionError) as error:
        raise TypeError(f"the API's answer, a {type(value).__name__}, cannot be written: {error}") from error
    return packed
