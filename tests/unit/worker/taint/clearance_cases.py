"""Places that a tool of patterns reports: harmless for sure, or not. The line in question ends in `# here`."""

HANDLER = (
    "from flask import Flask, request\napp = Flask(__name__)\n\n"
    "@app.get('/<int:number>/<name>')\ndef f(number, name):\n"
)
"""The cases that are handlers go on after this, indented; they have the web's `number` and `name`."""

HARMLESS: dict[str, tuple[int, str]] = {
    "a constant query": (89, "def f(db):\n    db.execute('select * from t where a = 1')  # here"),
    "a query whose table is a constant of the module": (
        89,
        "TABLE = 'users'\ndef f(db, key):\n    db.execute(f'select * from {TABLE} where a = ?', (key,))  # here",
    ),
    "a query made of a table of choices": (
        89,
        "COLUMNS = {'a': 'alpha', 'b': 'beta'}\ndef f(db, key):\n"
        "    db.execute(f\"select * from t order by {COLUMNS.get(key, 'alpha')}\")  # here",
    ),
    "the text of a query of constants, where it is put together": (
        89,
        "TABLE = 'users'\ndef f(db):\n    sql = 'select * from %s' % TABLE  # here\n    return db.run(sql)",
    ),
    "as many marks as there are values": (
        89,
        "def f(db, keys):\n    marks = ','.join('?' for _ in keys)\n"
        "    db.execute(f'select * from t where a in ({marks})', keys)  # here",
    ),
    "as many marks as there are values, by multiplication": (
        89,
        "def f(db, keys):\n    marks = ','.join(['?'] * len(keys))\n"
        "    db.execute('select * from t where a in (' + marks + ')', keys)  # here",
    ),
    "conditions that are constants": (
        89,
        "def f(db, a, b):\n    parts = []\n    if a:\n        parts.append('a = ?')\n    if b:\n"
        "        parts.append('b = ?')\n    db.execute('select * from t where ' + ' and '.join(parts), (a, b))  # here",
    ),
    "a number in a query": (89, "def f(db, key):\n    db.execute('select * from t where a = %d' % key)  # here"),
    "a converted number in a query": (
        89,
        "def f(db, key):\n    db.execute(f'select * from t limit {int(key)}')  # here",
    ),
    "a constant that a function returns": (
        89,
        "def table():\n    return 'users'\ndef f(db):\n    db.execute('select * from ' + table())  # here",
    ),
    "a loop over constants": (
        89,
        "def f(db):\n    for name in ('a', 'b'):\n        db.execute(f'drop table {name}')  # here",
    ),
    "a constant for a shell": (78, "import subprocess\nsubprocess.call('ls | wc', shell=True)  # here"),
    "a quoted word for a shell": (
        78,
        "import os, shlex\ndef f(name):\n    os.system(f'ls {shlex.quote(name)}')  # here",
    ),
    "a constant program": (78, "import subprocess\ndef f(name):\n    subprocess.run(['ls', name])  # here"),
    "a table of commands": (
        78,
        "import subprocess\nACTIONS = {'a': 'uptime'}\n"
        "def f(key):\n    subprocess.run(ACTIONS[key], shell=True)  # here",
    ),
    "an address of four numbers for a shell": (
        78,
        "import os, ipaddress\ndef f(name):\n    os.system(f'ping {ipaddress.IPv4Address(name)}')  # here",
    ),
    "constant code": (94, "eval('1 + 1')  # here"),
    "a value of this program": (502, "import pickle\ndef f(x):\n    return pickle.loads(pickle.dumps(x))  # here"),
    "a safe loader": (502, "import yaml\ndef f(x):\n    return yaml.load(x, Loader=yaml.CSafeLoader)  # here"),
    "a constant address": (918, "from urllib.request import urlopen\nurlopen('https://example.org/x')  # here"),
    "a path of a constant host": (
        918,
        "from urllib.request import urlopen\ndef f(x):\n    urlopen(f'https://example.org/{x}')  # here",
    ),
    "a request to a constant host": (
        918,
        "from urllib.request import Request, urlopen\ndef f(x):\n"
        "    urlopen(Request('https://example.org/' + x))  # here",
    ),
    "constant HTML": (79, "from markupsafe import Markup\nBREAK = Markup('<br>')  # here"),
    "constant XML": (611, "import xml.etree.ElementTree as ET\nET.fromstring('<a/>')  # here"),
    "a hash that protects nothing": (
        328,
        "import hashlib\ndef f(x):\n    return hashlib.md5(x, usedforsecurity=False)  # here",
    ),
    "a pause": (330, "import random, time\ntime.sleep(1 + random.random())  # here"),
    "an order": (330, "import random\ndef f(rows):\n    random.Random(7).shuffle(rows)  # here"),
    "a value that is overwritten": (
        330,
        "import random, secrets\ndef f():\n    token = random.random()  # here\n    token = secrets.token_hex()\n"
        "    return token",
    ),
}

HARMLESS_IN_HANDLERS: dict[str, tuple[int, str]] = {
    "a number of the address": (89, "db.execute(f'select * from t where a = {number}')  # here"),
    "a value of a list": (
        89,
        "if name not in ('a', 'b'):\n    return ''\ndb.execute(f'select * from {name}')  # here",
    ),
    "a number of the form": (89, "n = int(request.form['n'])\ndb.execute(f'select {n}')  # here"),
    "a way that is never taken": (
        89,
        "x = 'a'\nif 1 > 2:\n    x = name\ndb.execute(f'select {x}')  # here",
    ),
    "a value that was taken out of a list again": (
        78,
        "import os\nitems = ['a', name, 'b']\nitems.pop(1)\nos.system(f'ls {items[1]}')  # here",
    ),
}

NOT_HARMLESS: dict[str, tuple[int, str]] = {
    "a function that is not always the same": (
        78,
        "import subprocess\ndef go(run, x):\n    run('ls ' + x, shell=True)  # here\ngo(subprocess.run, 'a')",
    ),
    "a text with parts that are not always known": (
        89,
        "def f(x=('a',)):\n    return 'select {} from t'.format(*x)  # here\nf(('b',))",
    ),
    "a parameter of a function": (89, "def f(db, x):\n    db.execute(f'select {x}')  # here"),
    "a parameter of a function that the module calls with a constant": (
        89,
        "def f(db, x):\n    db.execute(f'select {x}')  # here\nf(connect(), 'a')",
    ),
    "what unknown code returns": (89, "import m\ndef f(db):\n    db.execute(f'select {m.x()}')  # here"),
    "a name of another module": (89, "from m import TABLE\ndef f(db):\n    db.execute(f'select {TABLE}')  # here"),
    "a name of any other module": (
        89,
        "from m import *\nT = 'a'\nfrom n import *\ndb.execute(f'select {T}{U}')  # here",
    ),
    "an attribute of an object": (
        89,
        "class A:\n    table = 'a'\n    def f(self, db):\n        db.execute(f'select {self.table}')  # here",
    ),
    "a method that another class may have, too": (
        89,
        "class A:\n    def table(self):\n        return 'a'\n    def f(self, db):\n"
        "        db.execute(f'select {self.table()}')  # here",
    ),
    "an attribute that another method sets": (
        89,
        "class A:\n    def __init__(self):\n        self.t = 'a'\n    def g(self, x):\n        self.t = x\n"
        "    def f(self, db):\n        db.execute(f'select {self.t}')  # here",
    ),
    "a row of a database": (
        89,
        "def f(db):\n    for row in db.execute('select 1'):\n        db.execute(f'select {row[0]}')  # here",
    ),
    "a variable of the environment": (78, "import os\nos.system(os.environ['CMD'])  # here"),
    "the command line": (78, "import os, sys\nos.system(sys.argv[1])  # here"),
    "a file": (94, "exec(open('a').read())  # here"),
    "a global that a function sets": (
        89,
        "T = 'a'\ndef g(x):\n    global T\n    T = x\ndef f(db):\n    db.execute(f'select {T}')  # here",
    ),
    "a global that is bound twice": (
        89,
        "T = 'a'\ndef f(db):\n    db.execute(f'select {T}')  # here\nT = input()\n",
    ),
    "a table that a function fills": (
        89,
        "T = {'a': 'b'}\ndef g(k, x):\n    T[k] = x\ndef f(db, k):\n    db.execute(f'select {T[k]}')  # here",
    ),
    "a table that is handed on": (
        89,
        "import m\nT = {'a': 'b'}\ndef g():\n    m.fill(T)\ndef f(db, k):\n    db.execute(f'select {T[k]}')  # here",
    ),
    "a list that was given to unknown code": (
        89,
        "import m\ndef f(db):\n    parts = ['a']\n    m.fill(parts)\n    db.execute(' '.join(parts))  # here",
    ),
    "a list that a loop fills": (
        89,
        "def f(db, rows):\n    parts = ['a']\n    for row in rows:\n        parts.append(row)\n"
        "    db.execute(' '.join(parts))  # here",
    ),
    "the keys of a dictionary": (
        89,
        "def f(db, x):\n    d = {}\n    d[x] = 1\n    for key in d:\n        db.execute(f'select {key}')  # here",
    ),
    "one of two ways": (
        89,
        "def f(db, x):\n    t = 'a'\n    if x:\n        t = x\n    db.execute(f'select {t}')  # here",
    ),
    "a way that an attribute seems to close": (
        89,
        "class A:\n    debug = False\n    def f(self, db, x):\n        t = 'a'\n"
        "        if self.debug:\n            t = x\n"
        "        db.execute(f'select {t}')  # here",
    ),
    "a name that an inner function sets": (
        89,
        "def f(db, run):\n    t = 'a'\n    def g(x):\n        nonlocal t\n        t = x\n    run(g)\n"
        "    db.execute(f'select {t}')  # here",
    ),
    "a list that an inner function fills": (
        89,
        "def f(db, run):\n    t = ['a']\n    def g(x):\n        t.append(x)\n"
        "    run(g)\n    db.execute(' '.join(t))  # here",
    ),
    "what a decorator may have changed": (
        89,
        "import m\n@m.twisted\ndef t():\n    return 'a'\ndef f(db):\n    db.execute(f'select {t()}')  # here",
    ),
    "code that is never run": (89, "import m\nif False:\n    db.execute('select 1')  # here"),
    "a harmless query beside another one": (
        89,
        "def f(db, x):\n    db.execute('select 1'); db.execute(x)  # here",
    ),
    "a format that is no number": (89, "def f(db, x):\n    db.execute('select %s' % x)  # here"),
    "code that is run later": (
        78,
        "import subprocess, os\ndef f(x):\n"
        "    subprocess.call('ls', shell=True, preexec_fn=lambda: os.system(x))  # here",
    ),
    "a name in quotes": (78, "import os\ndef f(x):\n    os.system(f\"ls '{x}'\")  # here"),
    "an argument of a shell": (78, "import subprocess\ndef f(x):\n    subprocess.run(['sh', '-c', x])  # here"),
    "an argument of a program that runs others": (
        78,
        "import subprocess\ndef f(x):\n    subprocess.run(['/usr/bin/sudo', x])  # here",
    ),
    "a list for a shell": (78, "import subprocess\ndef f(x):\n    subprocess.run(['ls', x], shell=True)  # here"),
    "a shell, perhaps": (78, "import subprocess\ndef f(x, y):\n    subprocess.run(['ls', x], shell=y)  # here"),
    "names of files as options": (78, "import os\nos.system('tar cf a.tar *')  # here"),
    "an address with a zone": (
        78,
        "import os, ipaddress\ndef f(x):\n    os.system(f'ping {ipaddress.ip_address(x)}')  # here",
    ),
    "quoted for something else": (
        78,
        "import os, html\ndef f(x):\n    os.system(f'ls {html.escape(x)}')  # here",
    ),
    "unquoted again": (78, "import os, shlex\ndef f(x):\n    os.system(shlex.quote(x).strip(x))  # here"),
    "a pickle of a file": (502, "import pickle\ndef f(x):\n    pickle.loads(open('a', 'rb').read())  # here"),
    "a pickle of a constant path": (502, "import joblib\njoblib.load('a.bin')  # here"),
    "a pickle that was changed": (502, "import pickle\ndef f(x, y):\n    pickle.loads(pickle.dumps(x) + y)  # here"),
    "a loader that builds objects": (502, "import yaml\ndef f(x):\n    yaml.load(x, Loader=yaml.UnsafeLoader)  # here"),
    "an address": (918, "from urllib.request import urlopen\ndef f(x):\n    urlopen(x)  # here"),
    "a host": (918, "from urllib.request import urlopen\ndef f(x):\n    urlopen(f'https://{x}/')  # here"),
    "an end of a host": (
        918,
        "from urllib.request import urlopen\ndef f(x):\n    urlopen('https://a.org' + x)  # here",
    ),
    "a file's address": (918, "from urllib.request import urlopen\nurlopen('file:///etc/passwd')  # here"),
    "a host that an object has": (
        918,
        "from urllib.request import urlopen\nclass A:\n    base = 'https://a.org/'\n    def f(self):\n"
        "        urlopen(self.base + 'x')  # here",
    ),
    "a quoted host": (
        918,
        "from urllib.request import urlopen\nfrom urllib.parse import quote\ndef f(x):\n"
        "    urlopen('https://' + quote(x))  # here",
    ),
    "HTML of a parameter": (79, "from markupsafe import Markup\ndef f(x):\n    return Markup(f'<b>{x}</b>')  # here"),
    "XML of a parameter": (611, "import xml.etree.ElementTree as ET\ndef f(x):\n    ET.fromstring(x)  # here"),
    "a hash": (328, "import hashlib\ndef f(x):\n    return hashlib.md5(x)  # here"),
    "a token": (330, "import random\ndef f():\n    token = random.random()  # here\n    return token"),
    "a number": (330, "import random\ndef f():\n    return random.randint(1, 6)  # here"),
    "the order of a password": (330, "import random\ndef f(password):\n    random.Random().shuffle(password)  # here"),
    "the order of letters of a token": (
        330,
        "import random\ndef make_token(letters):\n    random.Random().shuffle(letters)  # here\n    return letters",
    ),
    "a value that is read before it is overwritten": (
        330,
        "import random\ndef f():\n    x = random.random()  # here\n    x = str(x)\n    return x",
    ),
}

NOT_HARMLESS_IN_HANDLERS: dict[str, tuple[int, str]] = {
    "a value of a request": (89, "db.execute(f'select {name}')  # here"),
    "a check of unknown code": (89, "import m\nif m.is_valid(name):\n    db.execute(f'select {name}')  # here"),
    "an unknown list": (89, "import m\nif name in m.names():\n    db.execute(f'select {name}')  # here"),
    "a function that seems to escape": (
        89,
        "import m\ndb.execute(f'select {m.escape_sql(name)}')  # here",
    ),
    "an unknown pattern": (
        89,
        "import m, re\nif re.fullmatch(m.PATTERN, name):\n    db.execute(f'select {name}')  # here",
    ),
    "a check after the use": (
        89,
        "db.execute(f'select {name}')  # here\nif name not in ('a', 'b'):\n    return ''",
    ),
    "a check on one of two ways": (
        89,
        "if number:\n    if name not in ('a', 'b'):\n        return ''\ndb.execute(f'select {name}')  # here",
    ),
    "a check of another value": (
        89,
        "if request.args['a'] in ('a', 'b'):\n    db.execute(f\"select {request.args['b']}\")  # here",
    ),
    "an address with a zone, checked": (
        78,
        "import ipaddress, os\nipaddress.ip_address(name)\nos.system(f'ping {name}')  # here",
    ),
    "a hash as a signature": (
        502,
        "import pickle\nraw = request.get_data()\nif raw[:2] == other():\n    pickle.loads(raw)  # here",
    ),
}
