"""Weaknesses by kind: what is one, and what only looks like one. `param` comes from a Flask request."""

REAL: dict[str, dict[str, str]] = {
    "sql-injection": {
        "text put together": "db.execute(f\"select * from t where a='{param}'\")",
        "a cursor of sqlite3": (
            "import sqlite3\ncur = sqlite3.connect('x').cursor()\nsql = 'select ' + param\ncur.execute(sql)"
        ),
        "a script": "db.executescript('select ' + param)",
        "text of SQLAlchemy": "from sqlalchemy import text\ndb.session.execute(text(f'select {param}'))",
        "raw SQL of Django": "from m import User\nUser.objects.raw('select %s' % param)",
        "parameters beside text put together": "db.execute(f'select {param} where x=?', (1,))",
        "an unlisted order": "db.execute('select * from t order by ' + param)",
    },
    "command-injection": {
        "a shell": "subprocess.run(f'ls {param}', shell=True)",
        "a list for a shell": (
            "args = []\nargs.append('sh')\nargs.append('-c')\nargs.append(f'echo {param}')\nsubprocess.run(args)"
        ),
        "the program itself": "subprocess.Popen([param, 'x'])",
        "popen": "os.popen('ls ' + param).read()",
        "a list and a shell": "subprocess.Popen([param], shell=True)",
        "exec": "os.execvp(param, ['x'])",
        "a shell of asyncio": "import asyncio\nasyncio.run(asyncio.create_subprocess_shell('ls ' + param))",
    },
    "code-injection": {
        "eval": "return str(eval(param))",
        "exec": "exec(param)",
        "compile": "exec(compile(param, 'x', 'exec'))",
        "a round trip": "exec(base64.b64decode(base64.b64encode(param.encode())).decode())",
    },
    "path-traversal": {
        "open": "with open(f'/data/{param}') as f:\n    return 'x'",
        "a path": "from pathlib import Path\nreturn str(len((Path('/data') / param).read_text()))",
        "os.path.join": "os.remove(os.path.join('/data', param))",
        "send_file": "return flask.send_file('/data/' + param)",
        "a check without resolving": "path = '/data/' + param\nif path.startswith('/data/'):\n    open(path)",
        "codecs": "import codecs\ncodecs.open('/data/' + param, 'r')",
        "an archive": "import tarfile\ntarfile.open(fileobj=request.files['a'].stream).extractall('x')",
    },
    "deserialization": {
        "pickle": "import pickle\npickle.loads(base64.urlsafe_b64decode(param))",
        "yaml": "import yaml\nyaml.load(param, Loader=yaml.Loader)",
        "yaml without a loader": "import yaml\nyaml.load(param)",
        "unsafe yaml": "import yaml\nyaml.unsafe_load(param)",
        "jsonpickle": "import jsonpickle\njsonpickle.decode(param)",
        "marshal": "import marshal\nmarshal.loads(param.encode())",
    },
    "ssrf": {
        "requests": "import requests\nrequests.get(param)",
        "a host": "import requests\nrequests.get(f'https://{param}/x')",
        "urllib": "urllib.request.urlopen(param)",
        "a session": "import httpx\nwith httpx.Client() as client:\n    client.get(param)",
        "a check of the scheme only": (
            "import requests\nif urllib.parse.urlparse(param).scheme != 'https':\n    return 'no'\nrequests.get(param)"
        ),
    },
    "template-injection": {
        "a template's text": "return render_template_string('<b>' + param)",
        "jinja2": "from jinja2 import Template\nTemplate(param).render()",
        "an environment": "import jinja2\njinja2.Environment(autoescape=True).from_string(param).render()",
    },
    "xss": {
        "a returned text": "return f'<b>{param}</b>'",
        "a response": "return make_response('<b>' + param)",
        "a text that grows": "RESPONSE = ''\nRESPONSE += '<p>'\nRESPONSE += (f'{param}')\nreturn RESPONSE",
        "Markup": "from markupsafe import Markup\nreturn Markup(f'<b>{param}</b>')",
        "a body and a status": "return '<b>' + param, 400",
        "escaping undone": "return html.unescape(html.escape(param))",
        "a template that turns escaping off": "return render_template_string('{{ x|safe }}', x=param)",
    },
    "ldap-injection": {
        "python-ldap": "import ldap\nldap.initialize('x').search_s('dc=x', 2, f'(uid={param})')",
        "ldap3": ("import ldap3\nconn = ldap3.Connection('x')\nconn.search('dc=x', f'(uid={param})')"),
        "a base": "import ldap3\nconn = ldap3.Connection('x')\nconn.search(f'ou={param}', '(a=b)')",
    },
    "xpath-injection": {
        "lxml": ("import lxml.etree\nroot = lxml.etree.parse('x.xml')\nroot.xpath(f\"//a[@b='{param}']\")"),
        "elementpath": (
            "import elementpath, xml.etree.ElementTree as ET\n"
            "elementpath.select(ET.parse('x.xml').getroot(), f\"//a[@b='{param}']\")"
        ),
        "ElementTree": (
            "import xml.etree.ElementTree as ET\nroot = ET.parse('x.xml').getroot()\nroot.find(f\".//a[@b='{param}']\")"
        ),
        "a compiled expression": "from lxml import etree\netree.XPath('//a[' + param + ']')",
    },
    "xxe": {
        "lxml": ("from lxml import etree\netree.fromstring(param, etree.XMLParser(resolve_entities=True))"),
        "sax": (
            "import xml.sax\n"
            "parser = xml.sax.make_parser()\n"
            "parser.setFeature(xml.sax.handler.feature_external_ges, True)\n"
            "parser.parse(io.StringIO(param))"
        ),
        "minidom": (
            "import xml.dom.minidom, xml.sax\n"
            "parser = xml.sax.make_parser()\n"
            "parser.setFeature(xml.sax.handler.feature_external_ges, True)\n"
            "xml.dom.minidom.parseString(param, parser)"
        ),
    },
    "open-redirect": {
        "a target": "return redirect(param)",
        "a host": "return redirect('https://' + param)",
        "a leading slash only": "if not param.startswith('/'):\n    return 'no'\nreturn redirect(param)",
        "a header": "r = make_response('')\nr.headers['Location'] = param\nreturn r",
    },
    "weak-hash": {
        "md5": "hashlib.md5(b'x').hexdigest()",
        "sha1": "hashlib.new('sha1', b'x')",
        "a variable": "name = 'md5'\nhashlib.new(name).update(b'x')",
        "a configuration": "conf = {'algorithm': 'MD5'}\nhashlib.new(conf['algorithm'])",
        "a branch": "hashlib.new('md5' if param else 'sha256')",
        "an alias": "from hashlib import md5 as digest\ndigest(b'x')",
    },
    "weak-cipher": {
        "DES": "from Crypto.Cipher import DES\nDES.new(b'k' * 8, DES.MODE_CBC)",
        "ECB": "from Crypto.Cipher import AES\nAES.new(b'k' * 16, AES.MODE_ECB)",
        "ECB of cryptography": (
            "from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes\n"
            "Cipher(algorithms.AES(b'k'), modes.ECB())"
        ),
        "RC4": ("from cryptography.hazmat.primitives.ciphers import algorithms\nalgorithms.ARC4(b'k')"),
    },
    "weak-randomness": {
        "a token": "token = ''.join(random.choice('abc') for _ in range(9))\nsave(token)",
        "a session's value": "session['rememberMe'] = str(random.random())[2:]",
        "a cookie": (
            "r = make_response('x')\nr.set_cookie('rememberMe', str(random.randint(1, 9)), secure=True, httponly=True)"
        ),
        "a named key": "user['session_key'] = random.getrandbits(64)",
        "bytes": "key = random.randbytes(32).hex()\nsession['remember'] = key",
        "a function that makes one": "def make_token():\n    return random.randint(1, 9)\nmake_token()",
        "a number through a hash": "session['k'] = hashlib.sha256(str(random.random()).encode()).hexdigest()",
    },
    "insecure-cookie": {
        "secure=False": "r = make_response('x')\nr.set_cookie('a', 'b', secure=False, httponly=True)",
        "no secure": "r = make_response('x')\nr.set_cookie('a', 'b', httponly=True)",
        "a variable": ("flag = False\nr = make_response('x')\nr.set_cookie('a', 'b', secure=flag, httponly=True)"),
        "a setting": "app.config['SESSION_COOKIE_SECURE'] = False",
    },
    "script-readable-cookie": {
        "no httponly": "make_response('x').set_cookie('a', 'b', secure=True)",
    },
    "trust-boundary": {
        "a value": "session['a'] = param",
        "a key": "session[param] = 'x'",
        "a whole module's name": "flask.session[param] = '10340'",
    },
    "log-injection": {
        "a message": "import logging\nlogging.info('name ' + param)",
    },
    "header-injection": {
        "a header": "r = make_response('x')\nr.headers['X-Name'] = param\nreturn r",
    },
    "nosql-injection": {
        "JSON": "import pymongo\ndb.users.find_one({'name': request.json['name']})",
    },
}
"""By rule: bodies of a handler that have the weakness."""

SAFE: dict[str, dict[str, str]] = {
    "sql-injection": {
        "parameters": "db.execute('select * from t where a=?', (param,))",
        "named parameters": ("from sqlalchemy import text\ndb.session.execute(text('select :a'), {'a': param})"),
        "an expression of SQLAlchemy": (
            "from sqlalchemy import select\n"
            "from m import User\n"
            "db.session.execute(select(User).where(User.name == param))"
        ),
        "a number": "db.execute(f'select {int(param)}')",
        "an order from a table": "db.execute('select * from t order by ' + {'a': 'a', 'b': 'b'}.get(param, 'a'))",
    },
    "command-injection": {
        "a list": "subprocess.run(['ls', param])",
        "quoting": "os.system('ls ' + shlex.quote(param))",
        "a list that was appended to": "args = ['ls']\nargs.append(param)\nsubprocess.run(args, shell=False)",
        "an input": "subprocess.run(['cat'], input=param, shell=False)",
    },
    "code-injection": {
        "literal_eval": "import ast\nast.literal_eval(param)",
        "re.compile": "re.compile(re.escape(param))",
        "a plain literal": (
            'if not param.startswith("\'") or not param.endswith("\'") or "\'" in param[1:-1]:\n'
            "    return 'no'\n"
            "exec(param)"
        ),
    },
    "path-traversal": {
        "basename": "open('/data/' + os.path.basename(param))",
        "secure_filename": ("from werkzeug.utils import secure_filename\nopen('/data/' + secure_filename(param))"),
        "resolved": (
            "from pathlib import Path\n"
            "p = (Path('/data') / param).resolve()\n"
            "if not p.is_relative_to('/data'):\n"
            "    return 'no'\n"
            "p.read_text()"
        ),
        "resolved text": (
            "from pathlib import Path\n"
            "p = (Path('/data') / param).resolve()\n"
            "if not str(p).startswith('/data/'):\n"
            "    return 'no'\n"
            "p.read_text()"
        ),
        "a real path": (
            "p = os.path.realpath(os.path.join('/data', param))\n"
            "if not p.startswith('/data/'):\n"
            "    flask.abort(404)\n"
            "open(p)"
        ),
        "a common path": (
            "p = os.path.realpath('/data/' + param)\n"
            "if os.path.commonpath([p, '/data']) != '/data':\n"
            "    return 'no'\n"
            "open(p)"
        ),
        "no dots": ("if '..' in param or param.startswith('/'):\n    return 'no'\nopen('/data/' + param)"),
        "an object that is no file": "param.replace('a', 'b')\nitems = [param]\nitems.remove(param)",
    },
    "deserialization": {
        "JSON": "import json\njson.loads(param)",
        "safe_load": "import yaml\nyaml.safe_load(param)",
        "a safe loader": "import yaml\nyaml.load(param, Loader=yaml.SafeLoader)",
        "a constant": "import pickle\npickle.loads(pickle.dumps({'a': 1}))",
        "a signature": (
            "import hmac, pickle\n"
            "if not hmac.compare_digest(request.headers['x'], hmac.new(KEY, param, 'sha256').hexdigest()):\n"
            "    return 'no'\n"
            "pickle.loads(param)"
        ),
    },
    "ssrf": {
        "a fixed host": "import requests\nrequests.get(f'https://api.example.com/x/{param}')",
        "a parameter": "import requests\nrequests.get('https://api.example.com/', params={'q': param})",
        "an allowed host": (
            "import requests\n"
            "if urllib.parse.urlparse(param).hostname not in {'example.com'}:\n"
            "    return 'no'\n"
            "requests.get(param)"
        ),
        "a dictionary's get": "d = {'a': 1}\nd.get(param)",
    },
    "template-injection": {
        "a variable": "return render_template_string('{{ x }}', x=param)",
        "an autoescaping environment": (
            "import jinja2\njinja2.Environment(autoescape=True).from_string('{{ x }}').render(x=param)"
        ),
    },
    "xss": {
        "escape": "from markupsafe import escape\nreturn f'<b>{escape(param)}</b>'",
        "html.escape": "return '<b>' + html.escape(param)",
        "a helper by name": "return helpers.tools.escape_for_html(param)",
        "JSON": "return {'a': param}",
        "jsonify": "return flask.jsonify(a=param)",
        "a template": "return flask.render_template('x.html', x=param)",
        "a plain text": "return flask.Response(param, mimetype='text/plain')",
        "a plain text by header": "r = make_response(param)\nr.headers['Content-Type'] = 'text/plain'\nreturn r",
        "a tuple of JSON": "return {'a': param}, 400",
        "an environment": (
            "import jinja2\nreturn jinja2.Environment(autoescape=True).from_string('{{ x }}').render(x=param)"
        ),
    },
    "ldap-injection": {
        "escaping": (
            "import ldap, ldap.filter\n"
            "ldap.initialize('x').search_s('dc=x', 2, f'(uid={ldap.filter.escape_filter_chars(param)})')"
        ),
        "a regular expression": "re.search('a', param)",
        "a constant": "import ldap3\nldap3.Connection('x').search('dc=x', '(a=b)')",
    },
    "xpath-injection": {
        "a variable": "import lxml.etree\nlxml.etree.parse('x.xml').xpath('//a[@b=$n]', n=param)",
        "no quotes": (
            "import lxml.etree\n"
            'if "\'" in param:\n'
            "    return 'no'\n"
            "lxml.etree.parse('x.xml').xpath(f\"//a[@b='{param}']\")"
        ),
        "replaced quotes": (
            "import lxml.etree\n"
            "bar = param.replace(\"'\", '&apos;')\n"
            "lxml.etree.parse('x.xml').xpath(f\"//a[@b='{bar}']\")"
        ),
        "find of a text": "param.find('x')",
    },
    "xxe": {
        "no entities": ("from lxml import etree\netree.fromstring(param, etree.XMLParser(resolve_entities=False))"),
        "a sax parser as it is": ("import xml.sax\nparser = xml.sax.make_parser()\nparser.parse(io.StringIO(param))"),
        "a feature off": (
            "import xml.sax\n"
            "parser = xml.sax.make_parser()\n"
            "parser.setFeature(xml.sax.handler.feature_external_ges, False)\n"
            "parser.parse(io.StringIO(param))"
        ),
        "defusedxml": "import defusedxml.ElementTree as ET\nET.fromstring(param)",
    },
    "open-redirect": {
        "a path of this site": "return redirect('/users/' + param)",
        "a checked host": (
            "url = urllib.parse.urlparse(param)\n"
            "if url.netloc not in ['example.com'] or url.scheme != 'https':\n"
            "    return 'no'\n"
            "return redirect(param)"
        ),
        "no host": ("if urllib.parse.urlparse(param).netloc:\n    return 'no'\nreturn redirect(param)"),
        "url_for": "return redirect(flask.url_for('case', name=param))",
        "a relative path": ("if param.startswith('/') and not param.startswith('//'):\n    return redirect(param)"),
    },
    "weak-hash": {
        "sha256": "hashlib.sha256(b'x').hexdigest()",
        "no security": "hashlib.md5(b'x', usedforsecurity=False)",
        "a variable": "name = 'sha512'\nhashlib.new(name)",
        "a branch that is not taken": "hashlib.new('md5' if 1 > 2 else 'sha256')",
    },
    "weak-cipher": {
        "GCM": "from Crypto.Cipher import AES\nAES.new(b'k' * 16, AES.MODE_GCM)",
        "AES of cryptography": (
            "from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes\n"
            "Cipher(algorithms.AES(b'k'), modes.GCM(b'n'))"
        ),
    },
    "weak-randomness": {
        "SystemRandom": "session['rememberMe'] = random.SystemRandom().random()",
        "secrets": "token = secrets.token_hex()\nsave(token)",
        "a game": "dice = random.randint(1, 6)\nreturn str(dice)",
        "a shuffle": "deck = list(range(52))\nrandom.shuffle(deck)",
        "an overwritten token": "token = random.random()\ntoken = secrets.token_hex()\nsave(token)",
    },
    "insecure-cookie": {
        "secure=True": "make_response('x').set_cookie('a', 'b', secure=True, httponly=True)",
        "unknown options": "make_response('x').set_cookie('a', 'b', **options)",
        "a deleted cookie": "make_response('x').delete_cookie('a')",
    },
    "trust-boundary": {
        "a constant": "session['a'] = 'x'",
        "an allowed value": "if param in ('a', 'b'):\n    session['a'] = param",
        "another dictionary": "d = {}\nd['a'] = param",
    },
    "log-injection": {
        "a representation": "import logging\nlogging.info('name ' + repr(param))",
    },
    "nosql-injection": {
        "a text": "import pymongo\ndb.users.find_one({'name': str(request.json['name'])})",
    },
}
"""By rule: bodies that only look as if they had it."""
