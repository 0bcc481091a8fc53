"""The ``app.admin:`` section: the port on which the server tells people and programs how it is."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from gramex_twisted.config.model import Model

#: Characters of the shortest token.
SHORTEST = 16
#: First words of endpoint strings that are no hosts.
KINDS = frozenset({"tcp", "tcp6", "ssl", "unix", "systemd"})
_PLACE = re.compile(r"(?:(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):)?(\d{1,5})")
_ENDPOINT = re.compile(r"[a-z][a-z0-9]*:\S.*")


def _endpoint(value: Any) -> Any:
    """A port, or ``host:port``, as a Twisted endpoint string; one of those as it is."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("must be a port, host:port, unix:path or an endpoint")
    text = str(value).strip()
    found = _PLACE.fullmatch(text)
    if found is not None and int(found[2]) <= 65535 and found[1] not in KINDS:
        host = (found[1] or "127.0.0.1").strip("[]").replace(":", r"\:")
        return f"tcp:{found[2]}:interface={host}"
    if _ENDPOINT.fullmatch(text) is None or (found is not None and int(found[2]) > 65535):
        raise ValueError(f"must be a port, host:port, unix:path or an endpoint, not {text!r}")
    return text


def _token(value: str) -> str:
    if len(value) < SHORTEST:  # what was written is not repeated: logs have readers
        raise ValueError(f"must have at least {SHORTEST} characters; leave it out, and one is made")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise ValueError("must be printable ASCII without spaces")
    return value


class Admin(Model):
    """Health checks, metrics and pages for whoever runs the server, on a port of their own."""

    listen: Annotated[str, BeforeValidator(_endpoint, json_schema_input_type=str | int)] = Field(
        default=r"tcp:9989:interface=127.0.0.1",
        description="Where: a port (of 127.0.0.1), `host:port`, `unix:/run/app/admin.sock` or any endpoint string.",
    )
    token: Annotated[str, AfterValidator(_token)] | None = Field(
        default=None,
        description="Who sends it is let in: 16 characters or more. When unset, one is made and kept (mode 0600) in "
        "$GRAMEXDATA/admin.token.",
    )


def long_form(admin: Any) -> Any:
    """`admin: true` and `admin: 9989` as mappings; `admin: false` as nothing."""
    if isinstance(admin, bool):
        return {} if admin else None
    return {"listen": admin} if isinstance(admin, str | int) else admin
