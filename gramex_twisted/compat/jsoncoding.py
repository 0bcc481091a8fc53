"""JSON as Gramex writes and reads it: dates are ISO 8601 with a time zone, bytes base64."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from typing import Any

DATE = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")


class CustomJSONEncoder(json.JSONEncoder):
    """Also writes dates (those without a zone are local time), DataFrames, numpy's values and bytes (base64)."""

    def default(self, o: Any) -> Any:
        """What ``o`` is written as."""
        if isinstance(o, datetime):
            return (o if o.tzinfo else o.astimezone()).isoformat()
        if isinstance(o, bytes):
            return base64.b64encode(o).decode("ascii")
        if hasattr(o, "to_json"):  # pandas
            orient = "index" if type(o).__name__ == "Series" else "records"
            return json.loads(o.to_json(orient=orient, date_format="iso"))
        for method in ("to_dicts", "tolist", "item"):  # polars, and numpy's arrays and scalars
            if hasattr(o, method):
                return getattr(o, method)()
        if isinstance(o, dict):
            return dict(o.items())  # a Proxy, which is a dict only in name
        return super().default(o)


class CustomJSONDecoder(json.JSONDecoder):
    """Reads texts that begin as an ISO 8601 date and time as datetimes."""

    def __init__(self, **kwargs: Any) -> None:
        hook, pairs = kwargs.get("object_hook"), kwargs.get("object_pairs_hook")

        def made(items: list[tuple[str, Any]]) -> Any:
            converted = [(key, _dated(value)) for key, value in items]
            if callable(pairs):
                return pairs(converted)
            return hook(dict(converted)) if callable(hook) else dict(converted)

        super().__init__(**{**kwargs, "object_pairs_hook": made})

    def decode(self, s: str, *args: Any) -> Any:
        """The value of the JSON text ``s``."""
        return _dated(super().decode(s, *args))


def _dated(value: Any) -> Any:
    if not isinstance(value, str) or not DATE.match(value):
        return value
    try:
        return datetime.fromisoformat(value)
    except ValueError:  # a text that only begins like one
        return value
