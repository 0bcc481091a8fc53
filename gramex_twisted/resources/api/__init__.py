"""The API layer: arguments standardised, answers in several formats, one shape for errors.

    from gramex_twisted.resources.api import BaseAPIHandler

    class Element(BaseAPIHandler):
        name = "element"
        kwargs = {"GET": {"symbol": {"type": str, "path": 0, "required": True}}}

        async def on_GET(self, context):
            return {"symbol": context.args.symbol}

From YAML alone it is ``handler: APIHandler``. Source: the request layer of the BioThings APIs.
"""

from gramex_twisted.resources.api.base import BaseAPIHandler

__all__ = ["BaseAPIHandler"]
