"""Whole modules of several frameworks: what they have, and what they must not be said to have."""

MODULES: dict[str, tuple[str, str, str]] = {
    "a Django view": (
        "sql-injection",
        "xss",
        """
from django.db import connection
from django.http import HttpResponse, JsonResponse

def view(request, slug):
    name = request.GET.get("name")
    with connection.cursor() as cursor:
        cursor.execute("select * from t where a = '%s'" % name)
    return JsonResponse({"a": name})
""",
    ),
    "a Django view's URL parameter": (
        "path-traversal",
        "sql-injection",
        """
from django.http import HttpResponse
from app.models import Page

def view(request, slug):
    open("/pages/" + slug)
    pages = Page.objects.filter(slug=slug).order_by("id")
    return HttpResponse("ok")
""",
    ),
    "a Django response": (
        "xss",
        "sql-injection",
        """
from django.http import HttpResponse
from django.views import View

class Hello(View):
    def get(self, request, name):
        return HttpResponse("<p>" + request.GET["name"])
""",
    ),
    "raw SQL of Django": (
        "sql-injection",
        "xss",
        """
from django.shortcuts import render
from app.models import User

def view(request):
    users = User.objects.raw(f"select * from users where n = '{request.POST['n']}'")
    safe = User.objects.extra(where=["n = %s"], params=[request.POST["n"]])
    return render(request, "x.html", {"users": users, "n": request.POST["n"]})
""",
    ),
    "a path operation of FastAPI": (
        "command-injection",
        "xss",
        """
import os
from fastapi import FastAPI

app = FastAPI()

@app.get("/ping/{host}")
async def ping(host: str, count: int = 1):
    os.system("ping " + host)
    os.system(f"ping -c {count} localhost")
    return "<b>" + host
""",
    ),
    "a model of FastAPI": (
        "ssrf",
        "sql-injection",
        """
import httpx
from fastapi import FastAPI, Depends
from pydantic import BaseModel

app = FastAPI()

class Hook(BaseModel):
    url: str
    retries: int

@app.post("/hooks")
async def hook(body: Hook, db=Depends(connect)):
    async with httpx.AsyncClient() as client:
        await client.post(body.url)
    db.execute(f"update t set n = {body.retries}")
""",
    ),
    "a request of Starlette": (
        "open-redirect",
        "ssrf",
        """
from starlette.requests import Request
from starlette.responses import RedirectResponse

async def leave(request: Request):
    return RedirectResponse(request.query_params["next"])
""",
    ),
    "a handler of aiohttp": (
        "xss",
        "log-injection",
        """
from aiohttp import web

async def hello(request):
    name = request.match_info["name"]
    return web.Response(text=f"<b>{name}</b>", content_type="text/html")
""",
    ),
    "a text of aiohttp": (
        "deserialization",
        "xss",
        """
import pickle
from aiohttp import web

async def hello(request):
    data = await request.read()
    return web.Response(text=str(pickle.loads(data)))
""",
    ),
    "a handler of Tornado": (
        "xss",
        "open-redirect",
        """
import tornado.web

class Hello(tornado.web.RequestHandler):
    def get(self):
        self.write("<b>" + self.get_argument("name"))
        self.redirect("/done")
""",
    ),
    "JSON of Tornado": (
        "open-redirect",
        "xss",
        """
import tornado.web

class Hello(tornado.web.RequestHandler):
    def get(self):
        self.write({"name": self.get_argument("name")})
        self.redirect(self.get_query_argument("next"))
""",
    ),
    "a route of Bottle": (
        "template-injection",
        "path-traversal",
        """
from bottle import route, request, template, static_file

@route("/x/<name>")
def x(name):
    return template(request.query.get("t"), n=name)

@route("/files/<name>")
def files(name):
    return static_file(name, root="/srv")
""",
    ),
    "a view of Pyramid": (
        "open-redirect",
        "xss",
        """
from pyramid.httpexceptions import HTTPFound
from pyramid.view import view_config

@view_config(route_name="x", renderer="x.jinja2")
def x(request):
    if "x" in request.params:
        return {"x": request.params["x"]}
    return HTTPFound(location=request.params["next"])
""",
    ),
    "an attribute that another method sets": (
        "command-injection",
        "xss",
        """
import os
from flask import request
from flask.views import MethodView

class Jobs(MethodView):
    def load(self):
        self.name = request.form["name"]

    def post(self):
        self.load()
        os.system(self.name)
        return {}
""",
    ),
    "a handler that is defined in a function": (
        "code-injection",
        "weak-hash",
        """
from flask import request

def init(app):
    @app.route("/x", methods=["GET"])
    def first():
        return second()

    @app.route("/x", methods=["POST"])
    def second():
        import helpers.separate
        wrapped = helpers.separate.request_wrapper(request)
        param = wrapped.get_form_parameter("a")
        exec(param)
        return "x"
""",
    ),
    "the command line": (
        "command-injection",
        "path-traversal",
        """
import sys, os
from os import system as run
run("ls " + sys.argv[1])
open(sys.argv[1])
""",
    ),
    "an unknown parameter": (
        "weak-hash",
        "sql-injection",
        """
import hashlib

def find(db, name):
    db.execute(f"select * from {name}")
    return hashlib.md5(name)
""",
    ),
    "a hash in a class": (
        "weak-hash",
        "xss",
        """
import hashlib

class Store:
    algorithm = "md5"

    def digest(self, data):
        return hashlib.new(self.algorithm, data).hexdigest()
""",
    ),
    "a context manager of the module": (
        "path-traversal",
        "xss",
        """
from contextlib import contextmanager
from flask import request, Flask
app = Flask(__name__)

@contextmanager
def reading(name):
    file = open("/data/" + name)
    yield file
    file.close()

@app.get("/x")
def x():
    with reading(request.args["n"]) as file:
        return {"x": file.read()}
""",
    ),
    "a dataclass": (
        "sql-injection",
        "command-injection",
        """
import os
from dataclasses import dataclass
from flask import request, Flask
app = Flask(__name__)

@dataclass
class Query:
    text: str
    tool: str = "ls"

@app.get("/x")
def x():
    query = Query(request.args["q"])
    db.execute(query.text)
    os.system(query.tool)
    return {}
""",
    ),
    "a thread": (
        "command-injection",
        "xss",
        """
import os, threading
from flask import request, Flask
app = Flask(__name__)

def work(name):
    os.system("ls " + name)

@app.get("/x")
def x():
    threading.Thread(target=work, args=(request.args["n"],)).start()
    return {}
""",
    ),
}
"""By name: a rule that is found, a rule that is not, and the module."""
