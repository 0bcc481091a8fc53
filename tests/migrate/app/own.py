"""Handlers of the app."""

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
