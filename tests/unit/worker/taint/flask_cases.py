"""Bodies of Flask handlers, by what they do to `param`, which comes from the request's arguments."""

HANDLER = """\
import os, subprocess, configparser, base64, html, urllib.parse, io, re, shlex, random, secrets, hashlib
import flask, helpers.tools, helpers.ThingFactory
from flask import Flask, request, session, make_response, redirect, render_template_string

app = Flask(__name__)

@app.route("/case/<name>", methods=["GET", "POST"])
def case(name):
    param = request.args.get("p", "")
{body}
    return "done"
"""

SYSTEM = "os.system(bar)"

PASSES = {
    "an assignment": "bar = param",
    "an f-string": "bar = f'ls {param}'",
    "percent formatting": "bar = 'ls %s' % param",
    "percent formatting of a tuple": "bar = 'ls %s %d' % (param, 3)",
    "format": "bar = 'ls {}'.format(param)",
    "a concatenation": "bar = 'a' + param + 'b'",
    "an augmented assignment": "bar = 'a'\nbar += param",
    "join": "bar = ' '.join(['a', param])",
    "a slice": "bar = param[1:-1]",
    "split": "bar = param.split(' ')[0]",
    "base64 and back": ("tmp = base64.b64encode(param.encode('utf-8'))\nbar = base64.b64decode(tmp).decode('utf-8')"),
    "urllib and back": "bar = urllib.parse.unquote_plus(urllib.parse.quote_plus(param))",
    "a dictionary": "d = {}\nd['a'] = 'x'\nd['b'] = param\nbar = d['b']",
    "a dictionary's get": "d = {'a': 'x', 'b': param}\nbar = d.get('b')",
    "a list": "items = ['a', param]\nbar = items[1]",
    "append and pop": (
        "items = []\nitems.append('safe')\nitems.append(param)\nitems.append('more')\nitems.pop(0)\nbar = items[0]"
    ),
    "an insertion": "items = ['a']\nitems.insert(0, param)\nbar = items[0]",
    "a configuration": (
        "conf = configparser.ConfigParser()\n"
        "conf.add_section('s')\n"
        "conf.set('s', 'Key-a', param)\n"
        "bar = conf.get('s', 'key-A')"
    ),
    "a configuration's section": (
        "conf = configparser.ConfigParser()\nconf.add_section('s')\nconf.set('s', 'a', param)\nbar = conf['s']['a']"
    ),
    "a tuple": "first, bar = 'a', param",
    "a starred target": "first, *rest = 'a', 'b', param\nbar = rest[1]",
    "a ternary whose test holds": "num = 86\nbar = param if 7 * 42 - num > 200 else 'never'",
    "a branch whose test holds": "num = 106\nif 7 * 18 + num > 200:\n    bar = param\nelse:\n    bar = 'x'",
    "a match on a constant character": (
        "guess = 'ABC'[0]\nmatch guess:\n    case 'A':\n        bar = param\n    case _:\n        bar = 'x'"
    ),
    "a match with alternatives": (
        "guess = 'ABC'[2]\nmatch guess:\n    case 'A' | 'C':\n        bar = param\n    case _:\n        bar = 'x'"
    ),
    "an unknown branch": "if len(param) > 3:\n    bar = param\nelse:\n    bar = 'x'",
    "a loop": "bar = ''\nfor part in param.split(','):\n    bar += part",
    "a while loop": "bar = ''\nwhile len(bar) < 9:\n    bar = bar + param",
    "a comprehension": "bar = ' '.join(part for part in param.split(','))",
    "a dictionary comprehension": "d = {key: param for key in 'ab'}\nbar = d['a']",
    "a walrus": "if (bar := param):\n    pass",
    "try and except": "try:\n    bar = param.strip()\nexcept ValueError:\n    bar = 'x'",
    "with": "with io.StringIO(param) as stream:\n    bar = stream.read()",
    "a buffer": "stream = io.StringIO()\nstream.write(param)\nbar = stream.getvalue()",
    "a nested function": "def inner():\n    return param\nbar = inner()",
    "a nested function's argument": "def inner(x, y):\n    return y\nbar = inner('a', param)",
    "a lambda": "bar = (lambda x: x.strip())(param)",
    "a default argument": "def inner(x=param):\n    return x\nbar = inner()",
    "keyword arguments": "def inner(**options):\n    return options['a']\nbar = inner(a=param, b='x')",
    "starred arguments": "def inner(*all):\n    return all[1]\nbar = inner('x', param)",
    "an object's attribute": "class Box:\n    pass\nbox = Box()\nbox.a = param\nbar = box.a",
    "a constructor": (
        "class Box:\n"
        "    def __init__(self, a):\n"
        "        self.a = a\n"
        "    def get(self):\n"
        "        return self.a\n"
        "bar = Box(param).get()"
    ),
    "a property": (
        "class Box:\n"
        "    def __init__(self, a):\n"
        "        self.a = a\n"
        "    @property\n"
        "    def b(self):\n"
        "        return self.a\n"
        "bar = Box(param).b"
    ),
    "an inherited method": (
        "class A:\n"
        "    def go(self, x):\n"
        "        return x\n"
        "class B(A):\n"
        "    def run(self, x):\n"
        "        return super().go(x)\n"
        "bar = B().run(param)"
    ),
    "a generator": "def parts():\n    yield 'a'\n    yield param\nbar = ''.join(parts())",
    "map": "bar = ''.join(map(lambda x: x, [param]))",
    "a helper of another module": "thing = helpers.ThingFactory.createThing()\nbar = thing.doSomething(param)",
    "a function of another module": "bar = helpers.tools.work(param)",
    "an operation of texts": "bar = param.replace('a', 'b').upper()",
    "repr of a container": "bar = str([param])",
    "an or": "bar = param or 'x'",
    "an unpacked dictionary": "bar = {**{'a': param}}['a']",
    "setdefault": "d = {}\nd.setdefault('a', param)\nbar = d['a']",
    "items of a dictionary": "bar = ''\nfor key, value in {'a': param}.items():\n    bar = value",
    "zip": "bar = [b for a, b in zip('ab', [param, 'x'])][0]",
    "a form": "bar = request.form.get('x')",
    "a list of values": "bar = request.form.getlist('x')[0]",
    "a cookie": "bar = request.cookies.get('x', 'none')",
    "a header": "bar = request.headers.get('x')",
    "the names of headers": "bar = ''\nfor header in request.headers.keys():\n    bar = header",
    "the query string": "bar = request.query_string.decode('utf-8')",
    "the path": "bar = request.path.split('/')[1]",
    "JSON": "bar = request.get_json()['a']['b']",
    "a URL parameter": "bar = name",
    "a value in a closed-over list": "box = []\ndef put():\n    box.append(param)\nput()\nbar = box[0]",
    "a check of another value": "if request.args.get('q') not in ['a']:\n    return 'no'\nbar = param",
    "a check of another part": "cmd, rest = param.split(' ', 1)\nif cmd not in ['ls']:\n    return 'no'\nbar = rest",
    "a check without consequence": "if param not in ['a', 'b']:\n    app.logger.info('odd')\nbar = param",
    "a pattern that lets all through": "if not re.match(r'^.*$', param):\n    return 'no'\nbar = param",
    "a pattern without an end": "if not re.match(r'[a-z]+', param):\n    return 'no'\nbar = param",
    "escaping for another place": "bar = html.escape(param)",
}
"""How `param` gets into `bar`."""

STOPS = {
    "an overwritten name": "bar = param\nbar = 'x'",
    "another key": "d = {}\nd['a'] = 'x'\nd['b'] = param\nbar = d['a']",
    "an overwritten key": "d = {'b': param}\nd['b'] = 'x'\nbar = d['b']",
    "a deleted item": "items = [param, 'x']\ndel items[0]\nbar = items[0]",
    "another item": "items = ['a', param]\nbar = items[0]",
    "an item after append and pop": (
        "items = []\nitems.append('safe')\nitems.append(param)\nitems.append('more')\nitems.pop(0)\nbar = items[1]"
    ),
    "another option": (
        "conf = configparser.ConfigParser()\n"
        "conf.add_section('s')\n"
        "conf.set('s', 'a', 'x')\n"
        "conf.set('s', 'b', param)\n"
        "bar = conf.get('s', 'a')"
    ),
    "a ternary whose test fails": "num = 106\nbar = 'x' if 7 * 42 - num > 100 else param",
    "a branch whose test fails": "num = 86\nif 7 * 42 - num < 200:\n    bar = param\nelse:\n    bar = 'x'",
    "a match on another character": (
        "guess = 'ABC'[1]\n"
        "match guess:\n"
        "    case 'A':\n"
        "        bar = param\n"
        "    case 'B':\n"
        "        bar = 'bob'\n"
        "    case 'C' | 'D':\n"
        "        bar = param\n"
        "    case _:\n"
        "        bar = 'x'"
    ),
    "an allow list": "if param not in ('a', 'b'):\n    return 'no'\nbar = param",
    "an allow list with abort": "if param not in {'a', 'b'}:\n    flask.abort(400)\nbar = param",
    "an allow list of a module": "bar = param if param in helpers.tools.ALLOWED else 'x'",
    "an allow list in a helper": (
        "def allowed(x):\n    return x in ('a', 'b')\nif not allowed(param):\n    return 'no'\nbar = param"
    ),
    "a helper that raises": (
        "def check(x):\n    if x not in ('a', 'b'):\n        raise ValueError\ncheck(param)\nbar = param"
    ),
    "a helper with two ways out": (
        "def good(x):\n"
        "    if len(x) > 9:\n"
        "        return False\n"
        "    return x.isalnum()\n"
        "if good(param):\n"
        "    bar = param\n"
        "else:\n"
        "    bar = 'x'"
    ),
    "a named condition": "ok = param in ('a', 'b')\nif not ok:\n    return 'no'\nbar = param",
    "an empty or allowed value": "if param and param not in ('a', 'b'):\n    return 'no'\nbar = param",
    "an equality": "if param == 'a' or param == 'b':\n    bar = param\nelse:\n    bar = 'x'",
    "a full match": "if not re.fullmatch(r'[a-z0-9]+', param):\n    return 'no'\nbar = param",
    "a compiled pattern": (
        "pattern = re.compile(r'^\\w+$')\nif pattern.match(param) is None:\n    return 'no'\nbar = param"
    ),
    "isalnum": "if not param.isalnum():\n    return 'no'\nbar = param",
    "all characters": "if not all(c in 'abc' for c in param):\n    return 'no'\nbar = param",
    "int": "bar = int(param)",
    "int that raises": "try:\n    int(param)\nexcept ValueError:\n    return 'no'\nbar = param",
    "a typed argument": "bar = request.args.get('n', 0, type=int)",
    "a number's conversion": "bar = 'sleep %d' % (param,)",
    "a length": "bar = str(len(param))",
    "quoting": "bar = 'ls ' + shlex.quote(param)",
    "a table": "bar = {'a': 'ls', 'b': 'df'}[param]",
    "a table with a default": "bar = {'a': 'ls', 'b': 'df'}.get(param, 'ls')",
    "a table in an if": "tools = {'a': 'ls'}\nbar = tools[param] if param in tools else 'x'",
    "a comparison": "bar = param == 'a'",
    "another attribute": "class Box:\n    pass\nbox = Box()\nbox.a = param\nbox.b = 'x'\nbar = box.b",
    "another argument": "def inner(x, y):\n    return x\nbar = inner('a', param)",
    "a helper given constants": "thing = helpers.ThingFactory.createThing()\nbar = thing.doSomething('x')",
    "unreachable code": "bar = 'x'\nif False:\n    bar = param",
    "code after a return": "if True:\n    return 'x'\nbar = param",
    "a filtered comprehension": "bar = ' '.join(c for c in [param] if c in ('a', 'b'))",
    "a hash": "bar = hashlib.sha256(param.encode()).hexdigest()",
    "a validator that answers by name": "if not helpers.tools.is_valid_name(param):\n    return 'no'\nbar = param",
    "an enumeration": "from enum import Enum\nclass Tool(Enum):\n    LS = 'ls'\nbar = Tool(param).value",
    "a removal of all odd characters": "bar = re.sub(r'[^a-z0-9]', '', param)",
    "a known value": "bar = 'x'\nfor known in ['a', 'b']:\n    if known == param:\n        bar = known",
}
"""What keeps `param` out of `bar`."""
