"""The log tells at the start that some of an app of Gramex 1.x is different here."""

from __future__ import annotations

from tests.processes import ProcessTestCase

CONFIG = """
app: {{settings: {{cookie_secret: x}}}}
url:
  a: {{pattern: /a, handler: FunctionHandler, kwargs: {{function: work.fn(handler)}}}}
  socket: {{pattern: /socket, handler: WebSocketHandler, kwargs: {{open: work.fn(handler){origins}}}}}
"""


class StartTests(ProcessTestCase):
    async def test_the_first_difference_and_how_to_learn_of_the_others(self) -> None:
        self.write({"gramex.yaml": CONFIG.format(origins=""), "work.py": "import gramex\ndef fn(handler): pass\n"})
        server = await self.serve()
        await server.line(r"gramex\.yaml:5:\d+: url\.socket: only pages of this server's own origin may open")
        await server.line(r"1 of such differences from Gramex 1\.x are told by `gramex-twisted migrate`")

    async def test_an_app_of_another_kind_is_told_nothing(self) -> None:
        self.write({"gramex.yaml": CONFIG.format(origins=""), "work.py": "def fn(handler): pass\n"})
        server = await self.serve()
        server.signal(15)
        await server.exited()
        self.assertNotIn("migrate", server.output)
