"""Names that Gramex 1.x has and this server has not."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Collection, Mapping

from gramex_twisted.compat.missing import text_of
from gramex_twisted.functions.alias import COMPAT

HERE = {"gramex", "orderedattrdict"}
"""Packages that are found without being installed."""
ASKED = {"gramex.handlers": f"{COMPAT}.handlers", "gramex.services": f"{COMPAT}.services"}
"""Modules that are asked for their names."""
LOCALE = "there are no locales of Tornado: use gettext or Babel in a function"
ATTRIBUTES: Mapping[str, str] = {
    "static_url": "write the path itself: files have ETags, and a route's headers: say how long they are kept",
    **dict.fromkeys(("locale", "get_user_locale", "get_browser_locale"), LOCALE),
    **dict.fromkeys(("set_format", "set_meta_headers", "render_result"), "`formats:` and `modify:` do it"),
    **dict.fromkeys(("authorize", "check_ratelimit", "check_cors", "override_user"), "it has been done by then"),
    "get_template_path": "templates are found from the folder of gramex.yaml",
    "on_connection_close": "the call of a coroutine whose client leaves is cancelled",
    "detach": "write a resource of Twisted for that",
    "log_exception": "errors are logged in any case",
    "compute_etag": "answers have an ETag in any case",
}
"""Attributes of Gramex's handlers that are not here -> what to do."""


def missing_text(name: str) -> str | None:
    """What to say of the dotted ``name`` of gramex, if it is not here."""
    if not name.startswith("gramex."):
        return None
    module, member = ".".join(name.split(".")[:2]), name.split(".")[2:3]
    if module in ASKED and member and not member[0].endswith("handler"):
        try:
            getattr(importlib.import_module(ASKED[module]), member[0])
        except AttributeError as error:
            return str(error)
        return None
    return text_of(name)


def missing_attribute(name: str) -> str | None:
    """What to say of ``handler.<name>``, if only Gramex has it."""
    if name == "_":
        return f"_(): {LOCALE}"
    return f"handler.{name} is not here: {ATTRIBUTES[name]}" if name in ATTRIBUTES else None


def not_installed(module: str, own: Collection[str] = ()) -> str | None:
    """What to say of ``import module``, if it cannot be imported. ``own``: names of the app's modules."""
    root = module.partition(".")[0]
    if root in HERE or root in own or root in sys.stdlib_module_names or root in sys.modules:
        return None
    try:
        known = importlib.util.find_spec(root) is not None
    except (ImportError, ValueError):
        known = False
    return None if known else f"{root} is not installed here: pip install it, if Gramex had brought it along"
