"""Functions of the app."""

import os

import gramex
import gramex.cache
import gramex.data
import tornado.gen
import tornado.web
from gramex.config import app_log, variables
from gramex.transforms import Header, build_transform, handler
from orderedattrdict import AttrDict

FOLDER = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(FOLDER, "data", "sales.csv")
double = build_transform({"function": "x * 2"}, vars=AttrDict(x=1), iter=False)


def regions(key):
    return f"{key}: {variables['APP_NAME']}"


def total():
    data = gramex.cache.open(DATA, "csv", rel=True)
    return int(data["sales"].sum())


def add(x, y, scale=1):
    return (x + y) * scale


def greet(handler, word):
    return f"{word} {handler.get_argument('name', 'World')}"


@handler
def typed(region: str, top: int = 2, agent: Header = ""):
    return {"region": region, "top": top}


def frame(handler):
    return gramex.data.filter(DATA, args={"region": ["north"], "_sort": ["-sales"]}).to_json(orient="records")


@tornado.gen.coroutine
def stream(handler):
    yield tornado.gen.sleep(0)
    raise tornado.gen.Return("streamed")


def conf(handler):
    return [gramex.appconfig.colours.north, variables["TITLE"], variables["REGIONS"], double(3)]


def service(handler):
    found = gramex.service
    route = found.url["fn/total"].handler_class
    return ["report" in found.schedule, route.kwargs.function, found.app.settings["login_url"]]


def store(handler):
    found = gramex.cache.get_store("sqlite", path=os.path.join(variables["GRAMEXDATA"], "own.db"))
    found.dump("count", found.load("count", 0) + 1)
    return found.load("count")


def mail(handler):
    gramex.service.email["stub-mail"].mail(to="a@example.org", subject="Hi", body="Text")
    return "sent"


def echo(handler):
    return handler.request.body


def error(handler):
    raise tornado.web.HTTPError(409, reason="Busy")


def modified(data):
    data["sales"] = data["sales"] * 2
    return data


def api(x: int = 1):
    return {"x": x}


def report():
    app_log.info("report")
