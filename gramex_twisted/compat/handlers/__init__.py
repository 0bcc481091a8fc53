"""`gramex.handlers`: handlers for an app's own classes to derive from.

    from gramex.handlers import BaseHandler

    class Hello(BaseHandler):
        def get(self, *path_args):
            self.write("hello")

`handler: module.Hello` serves it. Derived from a handler of this server, such as FunctionHandler, `super().get()` is
what that one answers.
"""

from __future__ import annotations

from typing import Any

from gramex_twisted.compat.handlers.base import BaseHandler
from gramex_twisted.compat.missing import refuse

__all__ = ["BaseHandler"]
_refuse = refuse("gramex.handlers")
_OTHER_NAMES = {"CommentHandler": "MessageHandler", "DirectoryHandler": "FileHandler"}


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(name)
    if name == "BaseWebSocketHandler":
        from gramex_twisted.compat.handlers.sockets import BaseWebSocketHandler

        return BaseWebSocketHandler
    from gramex_twisted.compat.handlers.builtin import built_in

    found = built_in(_OTHER_NAMES.get(name, name))
    if found is None:
        return _refuse(name)
    globals()[name] = found
    return found
