"""Handlers of the app."""

import tornado.gen
import tornado.web
from gramex.handlers import BaseHandler, FunctionHandler


class Page(BaseHandler):
    @classmethod
    def setup(cls, title="", **kwargs):
        super().setup(**kwargs)
        cls.title = title

    def get(self, *path_args):
        self.render("templates/home.html", title=self.title)


class Framed(FunctionHandler):
    async def get(self, *path_args):
        self.write("[")
        await super().get(*path_args)
        self.write("]")


class Named(BaseHandler):
    def get(self, who):
        self.write({"who": who})


class Plain(tornado.web.RequestHandler):
    def initialize(self, word="", **kwargs):
        self.word = word

    def prepare(self):
        super().prepare()
        self.set_header("X-App", "Sales")

    @tornado.gen.coroutine
    def get(self, *path_args):
        yield tornado.gen.sleep(0.01)
        self.write({"word": self.word, "q": self.get_query_argument("q", ""), "path": self.request.path})

    def post(self):
        raise tornado.web.HTTPError(409)
