"""`storelocations:`: where the tables of the server's own are. What is written is merged into the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

SQLITE = "sqlite:///"
TEXTS = {"event": "TEXT", "port": "INTEGER", **dict.fromkeys(("uri", "name", "class", "datetime"), "TEXT")}
KEY = {"type": "TEXT", "primary_key": True}
OWN: Mapping[str, tuple[str, str, Mapping[str, Any]]] = MappingProxyType(
    {
        "user": ("auth.user.db", "user", {"key": KEY, "value": "TEXT"}),
        "userlog": ("auth.user.db", "userlog", {**TEXTS, **dict.fromkeys(("user", "ip", "browser"), "TEXT")}),
        "otp": ("auth.recover.db", "users", {"token": KEY, "user": "TEXT", "type": "TEXT", "expire": "REAL"}),
        "pipeline": ("pipeline.db", "runs", dict.fromkeys(("name", "start", "end", "error"), "TEXT")),
    }
)
"""Name -> file in $GRAMEXDATA, table, columns."""


def location_of(section: Any, data_dir: Path, name: str) -> dict[str, Any]:
    """``url``, ``table``, ``columns`` and what else is written of the location ``name``.

    :param section: the whole of ``storelocations:``.
    :raises KeyError: where there is none.
    """
    written = section.get(name) if isinstance(section, Mapping) else None
    if name not in OWN and not isinstance(written, Mapping):
        raise KeyError(name)
    file, table, columns = OWN.get(name, ("", "", {}))
    own = {"url": f"{SQLITE}{data_dir / file}", "table": table} if file else {}
    given = {key: value for key, value in (written or {}).items() if value is not None}
    return {**own, **given, "columns": {**columns, **(given.get("columns") or {})}}


def file_of(location: Mapping[str, Any]) -> Path | None:
    """The SQLite file of a location; None where it is another database."""
    url = str(location.get("url"))
    return Path(url.removeprefix(SQLITE)) if url.startswith(SQLITE) else None
