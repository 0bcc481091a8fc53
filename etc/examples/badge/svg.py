"""Tiles of elements as SVG, by a plain twisted.web resource."""

from __future__ import annotations

from twisted.web.iweb import IRequest
from twisted.web.pages import notFound
from twisted.web.resource import IResource, Resource

from notebook.table import BY_SYMBOL, Element

SVG = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96" role="img" aria-label="{name}">
<style>
  rect {{ fill: #fff; stroke: #1f4e8c }} text {{ fill: #1c1f23; font: 11px system-ui, sans-serif }}
  .symbol {{ font: 40px Georgia, serif }}
  @media (prefers-color-scheme: dark) {{ rect {{ fill: #1c1f23; stroke: #8fb8f0 }} text {{ fill: #e8e6e1 }} }}
</style>
<rect x="1" y="1" width="94" height="94" rx="6"/>
<text x="10" y="20">{number}</text><text x="86" y="20" text-anchor="end">{mass:g}</text>
<text x="48" y="62" text-anchor="middle" class="symbol">{symbol}</text>
<text x="48" y="83" text-anchor="middle">{name}</text>
</svg>
"""


class Badges(Resource):
    """/badge/Au.svg is the child Au.svg."""

    def getChild(self, path: bytes, request: IRequest) -> IResource:
        symbol, _, kind = path.decode("utf-8", "replace").rpartition(".")
        return Badge(BY_SYMBOL[symbol]) if kind == "svg" and symbol in BY_SYMBOL else notFound()


class Badge(Resource):
    """The tile of one element."""

    isLeaf = True

    def __init__(self, element: Element) -> None:
        super().__init__()
        self.element = element

    def render_GET(self, request: IRequest) -> bytes:
        request.setHeader(b"Content-Type", b"image/svg+xml")
        return SVG.format(**vars(self.element)).encode()
