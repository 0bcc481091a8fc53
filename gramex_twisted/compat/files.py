"""Transforms of files: `template`, `sass`, `scss`, `ts`; and what log-ins call: `ensure_single_session`."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from typing import Any

from gramex_twisted.compat.awaiting import started


def template(content: str | bytes, handler: Any = None, **kwargs: Any) -> Awaitable[str]:
    """``content`` rendered as a Tornado template, with the names of ``handler`` and ``kwargs``."""
    return started(_template(content, handler, kwargs))


async def _template(content: str | bytes, handler: Any, kwargs: dict[str, Any]) -> str:
    def render() -> str:
        from tornado.template import Loader, Template

        file = getattr(handler, "file", None)
        loader = Loader(os.path.dirname(str(file))) if file else None
        names = {} if handler is None else handler.get_template_namespace()
        made = Template(content, name=str(file or "template"), loader=loader).generate(**{**names, **kwargs})
        return made.decode("utf-8")

    if handler is None:
        return render()
    text: str = await handler.route.services.threads.run(render)
    return text


def _compile(kind: str, handler: Any) -> Awaitable[str]:
    async def compiled() -> str:
        blob = await handler.route.services.compilers.compile(kind, str(handler.file))
        text: str = blob.plain.body.decode("utf-8")
        return text

    return started(compiled())


def sass(content: str | bytes, handler: Any) -> Awaitable[str]:
    """The CSS of the SASS file that is served. ``content`` is not used, since it may import others."""
    return _compile("sass", handler)


def scss(content: str | bytes, handler: Any) -> Awaitable[str]:
    """The CSS of the SCSS file that is served."""
    return _compile("scss", handler)


def ts(content: str | bytes, handler: Any) -> Awaitable[str]:
    """The JavaScript of the TypeScript file that is served."""
    return _compile("ts", handler)


def ensure_single_session(handler: Any) -> Awaitable[None]:
    """Sign the user of ``handler`` out of all other sessions."""
    return started(_ensure_single_session(handler))


async def _ensure_single_session(handler: Any) -> None:
    from gramex_twisted.resources.auth.usersessions import UserSessions

    await handler.load_session()
    key = getattr(handler.route.resource.options, "user_key", "user")
    user = handler.session.get(key)
    name = user.get("id") if isinstance(user, dict) else None
    if name is not None:
        await UserSessions(handler.route.services.sessions).end_all(f"{key}:{name}", but=handler.session["id"])
