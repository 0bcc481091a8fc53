"""`gramex.config`."""

from __future__ import annotations

import logging
import os
import re
import secrets as _secrets
import string
import unicodedata
from collections.abc import Sequence
from pydoc import ErrorDuringImport
from pydoc import locate as _locate
from typing import Any

from gramex_twisted.attrdict import AttrDict
from gramex_twisted.compat.jsoncoding import CustomJSONDecoder, CustomJSONEncoder
from gramex_twisted.compat.missing import refuse
from gramex_twisted.compat.pathconfig import ChainConfig, PathConfig
from gramex_twisted.compat.proxy import Proxy
from gramex_twisted.compat.state import Variables, variables_now
from gramex_twisted.compat.trees import merge, objectpath, prune_keys, recursive_encode, used_kwargs, walk

__all__ = [
    "ChainConfig",
    "CustomJSONDecoder",
    "CustomJSONEncoder",
    "PathConfig",
    "app_log",
    "app_log_extra",
    "ioloop_running",
    "locate",
    "merge",
    "objectpath",
    "prune_keys",
    "random_string",
    "recursive_encode",
    "setup_variables",
    "slug",
    "used_kwargs",
    "variables",
    "walk",
]
__path__: list[str] = []  # so that `from gramex.config import missing` can say what to write instead
__getattr__ = refuse("gramex.config")

app_log_extra = {"port": "PORT"}
app_log = logging.LoggerAdapter(logging.getLogger("gramex"), app_log_extra)
variables: Any = Proxy(variables_now)
"""The app's variables, a dict; one that is not set is ""."""


def setup_variables() -> Variables:
    """The environment and the variables that every app has."""
    from gramex_twisted.config.variables import predefined

    return Variables(predefined(os.environ))


def random_string(size: int, chars: Sequence[str] = string.ascii_letters + string.digits) -> str:
    """Random text of ``size`` characters, fit for passwords."""
    return "".join(_secrets.choice(chars) for _ in range(size))


def locate(path: str, modules: Sequence[Any] = (), forceload: int = 0) -> Any:
    """What the dotted ``path`` names: in one of ``modules``, else a builtin, or a module and what is in it. None, with
    the error in the log, where it cannot be imported."""
    try:
        for name in modules:
            module = _locate(name, forceload) if isinstance(name, str) else name  # type: ignore[arg-type]
            if hasattr(module, path):
                return getattr(module, path)
        return _locate(path, forceload)  # type: ignore[arg-type]
    except (ErrorDuringImport, ImportError):
        app_log.exception("%s cannot be imported", path)
        return None


def ioloop_running(loop: Any) -> bool:
    """Whether a Tornado loop runs."""
    return bool(loop.asyncio_loop.is_running())


def _slug(text: str, unwanted: str, separator: str) -> str:
    plain = unicodedata.normalize("NFKD", str(text)).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(f"{unwanted}+", "-", plain).strip("-").replace("-", separator)


slug = AttrDict(
    module=lambda text: _slug(text, "[^a-z0-9_]", "_"),
    filename=lambda text: _slug(text, r"[^!#$%&()+,\-.0-9;<=>@\[\]^_`a-z{}~]", "-"),
)
"""Text as the name of a Python module, or of a file."""
