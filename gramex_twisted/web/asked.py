"""What an API has been asked. Attributes of the Context."""

from __future__ import annotations

from typing import Any


class Asked:
    """Set where the route is an API, whose ``handler.args`` are what its options make of the arguments."""

    #: The name of the answer's format: ``json`` and so on.
    format: str | None = None
    #: The request's body of JSON, YAML or MessagePack, whatever it is; None where there is none.
    payload: Any = None
    #: The arguments as they came, by place: ``sent.path, .names, .query, .form, .json, .yaml``.
    sent: Any = None
