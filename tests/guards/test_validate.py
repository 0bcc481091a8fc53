"""validate: what a request must be like."""

from __future__ import annotations

from gramex_twisted.testing import AppTestCase


class ValidateTests(AppTestCase):
    config = """
    app: {session: {type: memory}}
    url:
      one:
        pattern: /one
        handler: FunctionHandler
        kwargs: {function: str("ok"), validate: '"key" in handler.args'}
      two:
        pattern: /two
        handler: FunctionHandler
        kwargs:
          function: str("ok")
          validate:
            - rules.key
            - {function: rules.small(handler), code: 422, reason: x is too large}
            - {function: rules.refuse, code: 403}
      wrong:
        pattern: /wrong
        handler: FunctionHandler
        kwargs: {function: str(1), validate: {function: str(1), code: 200}}
    """
    files = {
        "rules.py": "from tornado.web import HTTPError\n\n\ndef key(handler):\n    return 'key' in handler.args\n\n\n"
        "def small(handler):\n    return int(handler.get_arg('x')) < 10\n\n\n"
        "def refuse(handler):\n    if handler.get_arg('x') == '7':\n        raise HTTPError(451)\n    return True\n"
    }

    def test_one_rule(self) -> None:
        self.assertEqual(self.get("/one?key=").text, "ok")
        refused = self.get("/one")
        self.assertEqual(refused.status, 400)
        self.assertEqual(refused.json()["error"], 'validate: "key" in handler.args failed')

    def test_several_rules_each_with_its_status(self) -> None:
        self.assertEqual(self.get("/two?key&x=5").text, "ok")
        self.assertEqual(self.get("/two?x=5").status, 400)
        large = self.get("/two?key=1&x=11")
        self.assertEqual((large.status, large.json()["error"]), (422, "x is too large"))

    def test_a_function_that_raises_refuses(self) -> None:
        self.assertEqual(self.get("/two?key=1&x=many").status, 422)
        self.assertEqual(self.get("/two?key=1&x=7").status, 403)

    def test_a_status_that_is_no_error_is_a_mistake(self) -> None:
        self.assertEqual(self.get("/wrong").status, 500)
        [error] = self.app.gramex.errors
        self.assertIn(
            "url.wrong.kwargs.validate: code: must be the status of an error, 400 to 599, not 200", str(error)
        )
