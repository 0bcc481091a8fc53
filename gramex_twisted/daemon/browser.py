"""``app.browser``: opens a page in the browser of whoever starts the server."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from urllib.parse import urljoin

from twisted.logger import Logger

log = Logger()


def page_of(wanted: bool | str, urls: Sequence[str]) -> str | None:
    """The address to open: of the first URL that is served by HTTP, and the path ``wanted``; None for none."""
    base = next((url for url in urls if url.startswith(("http://", "https://"))), None)
    if not wanted or base is None:
        return None
    for everywhere in ("//0.0.0.0", "//[::]"):
        base = base.replace(everywhere, "//127.0.0.1")
    return urljoin(base, wanted if isinstance(wanted, str) else "/")


def open_browser(wanted: bool | str, urls: Sequence[str]) -> None:
    """Open the page, in a thread: some programs take their time."""
    page = page_of(wanted, urls)
    if page is None:
        return
    if sys.platform.startswith("linux") and not {"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"} & os.environ.keys():
        log.info("app.browser: there is no display; open {page}", page=page)  # or one would come up in the terminal
        return
    threading.Thread(target=_open, args=(page,), name="app.browser", daemon=True).start()


def _open(page: str) -> None:
    import webbrowser  # for those few starts that want it

    webbrowser.open(page)
