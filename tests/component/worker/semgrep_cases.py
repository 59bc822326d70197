"""Code for each rule of the agent `semgrep`: what it is to find, and what looks alike and is fine."""

FLASK = """\
from flask import Flask, request

app = Flask(__name__)


@app.get('/x')
def view():
    name = request.args['name']
"""
EXPRESS = """\
app.get('/x', async (req, res) => {
  const name = req.query.name;
"""
SERVLET = """\
class A {
  void get(HttpServletRequest request, HttpServletResponse response) throws Exception {
    String name = request.getParameter("name");
"""
HANDLER = """\
package a

func get(w http.ResponseWriter, r *http.Request) {
\tname := r.URL.Query().Get("name")
"""


def _flask(line: str) -> str:
    return f"{FLASK}    {line}\n"


def _express(line: str) -> str:
    return f"{EXPRESS}  {line}\n}});\n"


def _servlet(line: str) -> str:
    return f"{SERVLET}    {line}\n  }}\n}}\n"


def _handler(line: str) -> str:
    return f"{HANDLER}\t{line}\n}}\n"


def _method(line: str) -> str:
    return f"class A {{\n  void go(String name) throws Exception {{\n    {line}\n  }}\n}}\n"


def _go(line: str) -> str:
    return f"package a\n\nfunc do(name string) {{\n\t{line}\n}}\n"


PYTHON = {
    "sql-injection": (
        _flask("db.execute(f\"SELECT * FROM t WHERE name = '{name}'\")"),
        _flask("db.execute('SELECT * FROM t WHERE name = ?', (name,))"),
    ),
    "command-injection": (
        "import os\n" + _flask("os.system('ls ' + name)"),
        "import os, shlex\n" + _flask("os.system('ls ' + shlex.quote(name))"),
    ),
    "code-injection": (_flask("eval(name)"), _flask("eval(int(name))")),
    "path-traversal": (
        _flask("return open('pages/' + name).read()"),
        "import os\n" + _flask("return open('pages/' + os.path.basename(name)).read()"),
    ),
    "ssrf": (
        "import requests\n" + _flask("requests.get(name)"),
        "import requests\n" + _flask("requests.get(f'https://example.org/{name}')"),
    ),
    "deserialization": ("import pickle\n" + _flask("pickle.loads(name)"), "import json\n" + _flask("json.loads(name)")),
    "yaml-load": (
        "import yaml\nyaml.load(x, Loader=yaml.Loader)\n",
        "import yaml\nyaml.load(x, Loader=yaml.SafeLoader)\n",
    ),
    "template-injection": (
        "from flask import render_template_string\n" + _flask("return render_template_string('Hello ' + name)"),
        "from flask import render_template_string\n" + _flask("return render_template_string('{{ n }}', n=name)"),
    ),
    "open-redirect": (
        "from flask import redirect\n" + _flask("return redirect(name)"),
        "from flask import redirect\n" + _flask("return redirect('/users/' + name)"),
    ),
    "html-injection": (
        "from markupsafe import Markup\n" + _flask("return Markup('<b>' + name + '</b>')"),
        "from markupsafe import Markup, escape\n" + _flask("return Markup('<b>' + escape(name) + '</b>')"),
    ),
    "xpath-injection": (
        _flask('tree.xpath("//u[n=\'" + name + "\']")'),
        _flask("tree.xpath('//u[n=$name]', name=name)"),
    ),
    "ldap-injection": (
        _flask("link.search_s(BASE, 2, '(mail=' + name + ')')"),
        "from ldap.filter import escape_filter_chars\n"
        + _flask("link.search_s(BASE, 2, '(mail=' + escape_filter_chars(name) + ')')"),
    ),
    "session-trust": (_flask("session[name] = 1"), _flask("session['name'] = name")),
    "xml-entities": (
        "from lxml import etree\netree.XMLParser(resolve_entities=True)\n",
        "from lxml import etree\netree.XMLParser(resolve_entities=False)\n",
    ),
    "weak-hash": (
        "import hashlib\nhashlib.md5(password)\n",
        "import hashlib\nhashlib.md5(x, usedforsecurity=False)\nhashlib.sha256(x)\n",
    ),
    "weak-cipher": (
        "from Crypto.Cipher import AES\nAES.new(key, AES.MODE_ECB)\n",
        "from Crypto.Cipher import AES\nAES.new(key, AES.MODE_GCM)\n",
    ),
    "weak-random": (
        "import random\ntoken = ''.join(random.choice(LETTERS) for _ in range(20))\n",
        "import random, secrets\ntoken = secrets.token_hex()\ncolor = random.choice(COLORS)\n",
    ),
    "jwt-unverified": (
        "import jwt\njwt.decode(t, options={'verify_signature': False})\n",
        "import jwt\njwt.decode(t, KEY, algorithms=['HS256'])\n",
    ),
    "tls-unverified": (
        "import requests\nrequests.get(url, verify=False)\n",
        "import requests\nrequests.get(url, verify='ca.pem')\n",
    ),
    "debug-mode": ("app.run(debug=True)\n", "app.run(debug=False)\nasyncio.run(main(), debug=True)\n"),
    "bind-everywhere": ("app.run(host='0.0.0.0')\n", "app.run(host='127.0.0.1')\n"),
    "guessable-temporary": ("f = open('/tmp/x.txt', 'w')\n", "f = open('/tmp/x.txt')\ng = open('tmp/x.txt', 'w')\n"),
    "insecure-cookie": (
        "r.set_cookie('session', value)\n",
        "r.set_cookie('session', value, secure=True)\nr.set_cookie('theme', 'dark')\n",
    ),
    "archive-extraction": (
        "import tarfile\ntar = tarfile.open(p)\ntar.extractall('x')\n",
        "import tarfile\ntar = tarfile.open(p)\ntar.extractall('x', filter='data')\n",
    ),
}

JAVASCRIPT = {
    "sql-injection": (
        _express("db.query('SELECT * FROM t WHERE n = ' + name);"),
        _express("db.query('SELECT * FROM t WHERE n = ?', [name]);"),
    ),
    "sql-text": ("db.query(`SELECT * FROM t WHERE n = ${n}`);\n", "db.query('SELECT * FROM t WHERE n = $1', [n]);\n"),
    "command-injection": (
        "const cp = require('child_process');\n" + _express("cp.exec('ls ' + name);"),
        "const cp = require('child_process');\n" + _express("cp.execFile('ls', [name]);"),
    ),
    "shell-command": ("exec(`ls ${dir}`, done);\n", "exec('ls', done);\nconst m = /a/.exec(`b ${c}`);\n"),
    "code-injection": (_express("eval(name);"), _express("eval('1 + 1');")),
    "dom-injection": (
        "el.innerHTML = location.hash;\n",
        "el.textContent = location.hash;\nel.innerHTML = DOMPurify.sanitize(location.hash);\n",
    ),
    "raw-html": ("el.innerHTML = '<b>' + name;\n", "el.innerHTML = '<b></b>';\nel.innerHTML = escapeHtml(name);\n"),
    "html-response": (_express("res.send('<b>' + name);"), _express("res.send('<b>' + escapeHtml(name));")),
    "path-traversal": (
        _express("res.sendFile('/srv/' + name);"),
        _express("res.sendFile('/srv/' + path.basename(name));"),
    ),
    "ssrf": (_express("await fetch(name);"), _express("await fetch(`https://example.org/${name}`);")),
    "open-redirect": (_express("res.redirect(name);"), _express("res.redirect('/users/' + name);")),
    "prototype-pollution": (_express("all[name][req.query.key] = 1;"), _express("all.set(name, 1);")),
    "nosql-injection": (
        _express("User.findOne(req.body);"),
        _express("User.findOne({ name: String(req.body.name) });"),
    ),
    "weak-random": ("const token = Math.random().toString(36);\n", "const x = Math.random();\nconst token = uuid();\n"),
    "jwt-unverified": (
        "jwt.verify(t, key, { algorithms: ['HS256', 'none'] });\n",
        "jwt.verify(t, key, { algorithms: ['HS256'] });\n",
    ),
    "regex-from-request": (_express("new RegExp(name);"), _express("new RegExp(escapeRegExp(name));")),
    "cors-everybody": ("app.use(cors({ origin: '*' }));\n", "app.use(cors({ origin: 'https://example.org' }));\n"),
    "tls-unverified": (
        "https.get({ host, rejectUnauthorized: false });\n",
        "https.get({ host, rejectUnauthorized: true });\n",
    ),
    "weak-hash": ("crypto.createHash('md5').update(p);\n", "crypto.createHash('sha256').update(p);\n"),
    "weak-cipher": (
        "crypto.createCipheriv('aes-128-ecb', k, null);\n",
        "crypto.createCipheriv('aes-256-gcm', k, iv);\n",
    ),
    "insecure-cookie": ("res.cookie('a', b, { httpOnly: false });\n", "res.cookie('a', b, { httpOnly: true });\n"),
    "deserialization": (_express("serialize.unserialize(name);"), _express("JSON.parse(name);")),
    "message-to-everybody": ("w.postMessage(m, '*');\n", "w.postMessage(m, 'https://example.org');\n"),
}

GO = {
    "sql-injection": (
        _go("db.Query(fmt.Sprintf(\"SELECT * FROM t WHERE n = '%s'\", name))"),
        _go('db.Query("SELECT * FROM t WHERE n = ?", name)\n\tlog.Query(fmt.Sprintf("x %s", name))'),
    ),
    "command-injection": (_go('exec.Command("sh", "-c", "ls "+name)'), _go('exec.Command("sh", "-c", "ls")')),
    "tls-unverified": (
        _go("c := &tls.Config{InsecureSkipVerify: true}"),
        _go("c := &tls.Config{InsecureSkipVerify: false}"),
    ),
    "weak-hash": (_go("h := md5.New()"), _go("h := sha256.New()")),
    "weak-cipher": (_go("c, _ := des.NewCipher(k)"), _go("c, _ := aes.NewCipher(k)")),
    "path-traversal": (_handler('os.Open("/srv/" + name)'), _handler('os.Open("/srv/" + filepath.Base(name))')),
    "command-from-request": (_handler("exec.Command(name)"), _handler('exec.Command("ls", "--", name)')),
    "ssrf": (_handler("http.Get(name)"), _handler('http.Get("https://example.org/" + name)')),
    "open-redirect": (_handler("http.Redirect(w, r, name, 302)"), _handler('http.Redirect(w, r, "/u/"+name, 302)')),
    "html-injection": (
        _handler('fmt.Fprintf(w, "<b>%s", name)'),
        _handler('fmt.Fprintf(w, "<b>%s", html.EscapeString(name))'),
    ),
    "weak-random": (
        'package a\n\nimport "math/rand"\n\nfunc f() {\n\ttoken := rand.Int63()\n}\n',
        'package a\n\nimport "math/rand"\n\nfunc f() {\n\tcolor := rand.Intn(3)\n}\n',
    ),
    "world-writable": (_go("os.WriteFile(name, d, 0666)"), _go("os.WriteFile(name, d, 0644)")),
    "jwt-unverified": (_go("t, _, _ := p.ParseUnverified(name, c)"), _go("t, _ := p.Parse(name, key)")),
}

JAVA = {
    "sql-injection": (
        _method('statement.executeQuery("SELECT * FROM t WHERE n = \'" + name + "\'");'),
        _method('connection.prepareStatement("SELECT * FROM t WHERE n = ?");'),
    ),
    "command-injection": (
        _method('Runtime.getRuntime().exec("ls " + name);'),
        _method('new ProcessBuilder("ls", "--", name);'),
    ),
    "xml-entities": (
        _method("DocumentBuilderFactory f = DocumentBuilderFactory.newInstance();\n    f.newDocumentBuilder();"),
        _method(
            "DocumentBuilderFactory f = DocumentBuilderFactory.newInstance();\n    f.setFeature(NO_DOCTYPE, true);"
        ),
    ),
    "weak-hash": (_method('MessageDigest.getInstance("MD5");'), _method('MessageDigest.getInstance("SHA-256");')),
    "weak-cipher": (
        _method('Cipher.getInstance("AES/ECB/PKCS5Padding");'),
        _method('Cipher.getInstance("AES/GCM/NoPadding");'),
    ),
    "deserialization": (
        _method("ObjectInputStream in = new ObjectInputStream(s);\n    Object o = (Order) in.readObject();"),
        _method("Order o = mapper.readValue(s, Order.class);"),
    ),
    "tls-unverified": (
        "class A implements X509TrustManager {\n"
        "  public void checkServerTrusted(X509Certificate[] c, String t) { }\n}\n",
        "class A implements X509TrustManager {\n"
        "  public void checkServerTrusted(X509Certificate[] c, String t) { check(c); }\n}\n",
    ),
    "path-traversal": (
        _servlet('new File("/srv/", name);'),
        _servlet('new File("/srv/", FilenameUtils.getName(name));'),
    ),
    "sql-from-request": (
        _servlet('statement.executeQuery("SELECT * FROM t WHERE n = " + name);'),
        _servlet('statement.executeQuery("SELECT * FROM t WHERE n = " + Integer.parseInt(name));'),
    ),
    "command-from-request": (_servlet("new ProcessBuilder(name);"), _servlet('new ProcessBuilder("ls", "--", name);')),
    "ssrf": (_servlet("new URL(name).openStream();"), _servlet('new URL("https://example.org/" + name).openStream();')),
    "open-redirect": (_servlet("response.sendRedirect(name);"), _servlet('response.sendRedirect("/u/" + name);')),
    "html-injection": (
        _servlet('response.getWriter().println("<b>" + name);'),
        _servlet('response.getWriter().println("<b>" + HtmlUtils.htmlEscape(name));'),
    ),
    "weak-random": (
        'class A {\n  String newToken() { return "" + new Random().nextLong(); }\n}\n',
        "class A {\n  int color() { return new Random().nextInt(3); }\n}\n",
    ),
    "insecure-cookie": (_method("cookie.setSecure(false);"), _method("cookie.setSecure(true);")),
    "code-injection": (
        _servlet('ScriptEngine engine = engines.getEngineByName("js");\n    engine.eval(name);'),
        _servlet('ScriptEngine engine = engines.getEngineByName("js");\n    engine.eval("1 + 1");'),
    ),
}

CASES: dict[tuple[str, str], tuple[str, str]] = {
    (language, rule): pair
    for language, rules in {"python": PYTHON, "javascript": JAVASCRIPT, "go": GO, "java": JAVA}.items()
    for rule, pair in rules.items()
}
"""By language and rule: code that is found, and code that is not."""
