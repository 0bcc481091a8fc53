"""Starting: what answers before there is an app.

The reactor does not run yet then, but user modules that are being imported may run its event loop by themselves, as
``IOLoop.current().run_sync`` does.
"""

from __future__ import annotations

from typing import Any

from twisted.web.resource import Resource

BODY = b"the server is starting\n"


class Starting(Resource):
    """Answers 503 to everything. It is root and endpoint in one."""

    #: Bodies are refused, and that is answered alike.
    max_body_size = 1

    def getChildWithDefault(self, path: bytes, request: Any) -> Starting:
        """See IResource."""
        return self

    def streams_body(self, request: Any) -> bool:
        """Never."""
        return False

    def render(self, request: Any) -> int:
        """Come back in a second."""
        head = b" 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n"
        request.send(503, head % len(BODY), BODY)
        return 1
