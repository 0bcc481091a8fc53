"""The app `ui`, as apps of Gramex 1.x import it."""

from __future__ import annotations

from gramex_twisted.testing import AppTestCase

CDN = "https://cdn.jsdelivr.net/npm/"


class UiTests(AppTestCase):
    config = """
    import:
      ui: {path: $GRAMEXAPPS/ui/gramex.yaml, YAMLURL: $YAMLURL/ui/}
      again: {path: $GRAMEXAPPS/ui/gramex.yaml, YAMLURL: /shop/ui/, namespace: [url]}
    """

    def location(self, url: str, status: int = 302) -> str:
        response = self.get(url, allow_redirects=False)
        self.assertEqual(response.status, status, url)
        return response.headers["location"].removeprefix(CDN)

    def test_packages_have_the_versions_that_apps_were_written_for(self) -> None:
        self.assertEqual(self.location("/ui/jquery/dist/jquery.min.js"), "jquery@3/dist/jquery.min.js")
        self.assertEqual(self.location("/ui/bootstrap5/dist/js/a.js"), "bootstrap@5/dist/js/a.js")
        self.assertEqual(
            self.location("/ui/@fortawesome/fontawesome-free/css/all.min.css"),
            "@fortawesome/fontawesome-free@5/css/all.min.css",
        )
        self.assertEqual(self.location("/ui/nobody/knows me.js"), "nobody/knows%20me.js")
        self.assertEqual(self.location("/ui/jquery-ui/x.js"), "jquery-ui/x.js")
        self.assertEqual(self.location("/shop/ui/d3v5/dist/d3.min.js"), "d3@5/dist/d3.min.js")

    def test_a_version_in_the_address_makes_the_redirect_permanent(self) -> None:
        self.assertEqual(self.location("/ui/g1/dist/g1.min.js?v=2", 301), "g1@0.18/dist/g1.min.js")

    def test_themes_are_those_of_bootstrap_and_bootswatch(self) -> None:
        bootstrap = "bootstrap@{}/dist/css/bootstrap.min.css"
        self.assertEqual(self.location("/ui/bootstraptheme.css?primary=red"), bootstrap.format(4))
        self.assertEqual(self.location("/ui/theme/default.scss"), bootstrap.format(4))
        self.assertEqual(self.location("/ui/theme/bootstrap5.scss"), bootstrap.format(5))
        self.assertEqual(self.location("/ui/theme/bootswatch/cosmo.scss"), "bootswatch@4/dist/cosmo/bootstrap.min.css")
        self.assertEqual(self.get("/ui/theme/index.html").status, 404)

    def test_nothing_but_npm_packages(self) -> None:
        for path in ("a/..%2f..%2fgh/who/x.js", "..%2fgh/who/x.js", "a%5c..%5cb", "%2f%2fevil.example/x.js"):
            self.assertEqual(self.get(f"/ui/{path}", allow_redirects=False).status, 404, path)
        self.assertEqual(self.location("/ui/a%0d%0aX-Evil:%201"), "a%0D%0AX-Evil%3A%201")
