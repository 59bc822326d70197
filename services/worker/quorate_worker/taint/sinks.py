"""Where an untrusted value does harm, by the names that libraries give to the places."""

import re
from typing import NamedTuple

from quorate_worker.taint.words import words


class Sink(NamedTuple):
    """A dangerous argument: by its positions and by its names. `weight` lowers the confidence of a finding."""

    rule: str
    positions: tuple[int, ...] = (0,)
    names: tuple[str, ...] = ()
    what: str = ""
    weight: float = 1.0


def _each(names: str, *sinks: Sink) -> dict[str, tuple[Sink, ...]]:
    return dict.fromkeys(names.split(), sinks)


_PATH_NAMES = (
    "path",
    "file",
    "filename",
    "name",
    "src",
    "dst",
    "source",
    "filename_or_fp",
    "path_or_file",
    "directory",
)

FUNCTIONS: dict[str, tuple[Sink, ...]] = {
    **_each(
        "os.system os.popen os.popen2 os.popen3 commands.getoutput commands.getstatusoutput subprocess.getoutput"
        " subprocess.getstatusoutput asyncio.create_subprocess_shell popen2.popen2 pty.spawn pexpect.run"
        " pexpect.spawn paramiko.SSHClient().exec_command fabric.api.run fabric.api.local invoke.run",
        Sink("command-injection", (0,), ("cmd", "command"), "a shell command"),
    ),
    **_each(
        "os.execl os.execle os.execlp os.execlpe os.execv os.execve os.execvp os.execvpe os.posix_spawn",
        Sink("command-injection", (0,), ("path", "file"), "the program to run"),
    ),
    **_each(
        "os.spawnl os.spawnle os.spawnlp os.spawnv os.spawnve os.spawnvp",
        Sink("command-injection", (1,), ("file", "path"), "the program to run"),
    ),
    **_each("eval exec compile", Sink("code-injection", (0,), ("source",), "code")),
    **_each(
        "code.InteractiveInterpreter().runsource code.InteractiveInterpreter().runcode timeit.timeit timeit.repeat"
        " pandas.eval numexpr.evaluate sympy.sympify sympy.parse_expr runpy.run_path",
        Sink("code-injection", (0,), ("stmt",), "code"),
    ),
    **_each("__import__ importlib.import_module", Sink("code-injection", (0,), ("name",), "the name of a module", 0.7)),
    **_each(
        "pickle.loads pickle.load pickle.Unpickler _pickle.loads cPickle.loads cPickle.load marshal.loads marshal.load"
        " dill.loads dill.load cloudpickle.loads cloudpickle.load joblib.load shelve.open jsonpickle.decode"
        " jsonpickle.loads yaml.unsafe_load yaml.unsafe_load_all pandas.read_pickle torch.load"
        " jsonpickle.unpickler.decode jsonpickle.unpickler.Unpickler().restore ruamel.yaml.unsafe_load"
        " numpy.load",
        Sink("deserialization", (0,), ("data", "file", "filename", "string", "stream"), "serialized data"),
    ),
    **_each(
        "open io.open codecs.open os.open os.remove os.unlink os.rmdir os.removedirs os.rename os.renames os.replace"
        " os.listdir os.scandir os.walk os.mkdir os.makedirs os.chmod os.chown os.symlink os.link os.truncate"
        " os.readlink shutil.copy shutil.copy2 shutil.copyfile shutil.copytree shutil.move shutil.rmtree"
        " shutil.unpack_archive shutil.make_archive flask.send_file quart.send_file aiofiles.open"
        " django.http.FileResponse.open fileinput.input linecache.getline linecache.getlines zipfile.ZipFile"
        " tarfile.open tarfile.TarFile gzip.open bz2.open lzma.open aiofiles.os.remove tempfile.NamedTemporaryFile.open"
        " starlette.responses.FileResponse fastapi.responses.FileResponse aiohttp.web.FileResponse"
        " numpy.loadtxt numpy.genfromtxt pandas.read_csv PIL.Image.open",
        Sink("path-traversal", (0, 1), _PATH_NAMES, "a file path"),
    ),
    **_each(
        "open io.open codecs.open aiofiles.open os.open gzip.open bz2.open lzma.open zipfile.ZipFile tarfile.open"
        " os.chmod os.chown os.listdir os.mkdir os.makedirs flask.send_file quart.send_file os.truncate PIL.Image.open"
        " starlette.responses.FileResponse fastapi.responses.FileResponse pandas.read_csv",
        Sink("path-traversal", (0,), _PATH_NAMES, "a file path"),
    ),
    "bottle.static_file": (Sink("path-traversal", (), ("root",), "a folder"),),
    "flask.send_from_directory": (Sink("path-traversal", (0,), ("directory",), "a folder"),),
    **_each(
        "requests.get requests.post requests.put requests.delete requests.patch requests.head requests.options"
        " httpx.get httpx.post httpx.put httpx.delete httpx.patch httpx.head httpx.options httpx.AsyncClient"
        " requests.Session().get requests.Session().post requests.Session().put requests.Session().delete"
        " requests.Session().patch requests.Session().head requests.session().get requests.session().post"
        " httpx.Client().get httpx.Client().post httpx.Client().put httpx.Client().delete httpx.Client().patch"
        " httpx.AsyncClient().get httpx.AsyncClient().post httpx.AsyncClient().put httpx.AsyncClient().delete"
        " httpx.AsyncClient().head httpx.AsyncClient().patch httpx.Client().head"
        " aiohttp.ClientSession().get aiohttp.ClientSession().post aiohttp.ClientSession().put"
        " aiohttp.ClientSession().delete aiohttp.ClientSession().head aiohttp.ClientSession().patch"
        " aiohttp.ClientSession().ws_connect urllib.request.urlopen urllib.request.urlretrieve urllib2.urlopen"
        " urllib.urlopen urllib.request.Request urllib.request.build_opener().open http.client.HTTPConnection"
        " http.client.HTTPSConnection socket.create_connection socket.socket().connect asyncio.open_connection"
        " ftplib.FTP smtplib.SMTP telnetlib.Telnet websockets.connect websocket.create_connection"
        " pycurl.Curl().setopt wget.download urllib3.PoolManager().urlopen tornado.httpclient.AsyncHTTPClient().fetch"
        " tornado.httpclient.HTTPClient().fetch tornado.httpclient.HTTPRequest treq.get treq.post",
        Sink("ssrf", (0,), ("url", "host", "base_url", "address"), "the address of a request"),
    ),
    "pycurl.Curl().setopt": (Sink("ssrf", (1,), (), "the address of a request"),),
    **_each(
        "requests.request httpx.request httpx.stream requests.Session().request requests.session().request"
        " httpx.Client().request httpx.AsyncClient().request httpx.AsyncClient().stream httpx.Client().stream"
        " aiohttp.ClientSession().request aiohttp.request urllib3.PoolManager().request urllib3.request",
        Sink("ssrf", (1,), ("url",), "the address of a request"),
    ),
    **_each(
        "flask.render_template_string quart.render_template_string jinja2.Template jinja2.Environment().from_string"
        " flask.templating.render_template_string jinja2.sandbox.Environment().from_string mako.template.Template"
        " django.template.Template django.template.Engine().from_string tornado.template.Template bottle.template"
        " bottle.SimpleTemplate chameleon.PageTemplate Cheetah.Template.Template jinja2.from_string"
        " jinja2.DictLoader flask.current_app.jinja_env.from_string flask.Flask().jinja_env.from_string"
        " genshi.template.MarkupTemplate",
        Sink("template-injection", (0,), ("source", "template_string", "text"), "the text of a template"),
    ),
    **_each(
        "markupsafe.Markup flask.Markup jinja2.Markup django.utils.safestring.mark_safe"
        " django.utils.safestring.SafeString django.utils.safestring.SafeText django.utils.html.mark_safe"
        " jinja2.utils.markupsafe.Markup",
        Sink("xss", (0,), ("s", "base", "object"), "HTML that is trusted as it is"),
    ),
    **_each(
        "flask.make_response quart.make_response flask.Response quart.Response werkzeug.Response"
        " werkzeug.wrappers.Response django.http.HttpResponse django.http.HttpResponseBadRequest"
        " django.http.HttpResponseNotFound django.http.HttpResponseForbidden django.http.HttpResponseServerError"
        " django.http.StreamingHttpResponse django.http.response.HttpResponse fastapi.responses.HTMLResponse"
        " starlette.responses.HTMLResponse sanic.response.html sanic.html pyramid.response.Response webob.Response"
        " bottle.HTTPResponse bottle.Response django.shortcuts.HttpResponse flask.wrappers.Response",
        Sink("xss", (0,), ("response", "content", "body", "text", "streaming_content"), "an HTML response"),
    ),
    **_each(
        "aiohttp.web.Response fastapi.Response fastapi.responses.Response starlette.responses.Response"
        " starlette.responses.StreamingResponse fastapi.responses.StreamingResponse",
        Sink("xss", (0,), ("content", "text", "body"), "an HTML response"),
    ),
    **_each(
        "flask.redirect quart.redirect bottle.redirect werkzeug.utils.redirect werkzeug.redirect"
        " django.shortcuts.redirect"
        " django.http.HttpResponseRedirect django.http.HttpResponsePermanentRedirect fastapi.responses.RedirectResponse"
        " starlette.responses.RedirectResponse sanic.response.redirect aiohttp.web.HTTPFound aiohttp.web.HTTPSeeOther"
        " aiohttp.web.HTTPTemporaryRedirect aiohttp.web.HTTPMovedPermanently aiohttp.web.HTTPPermanentRedirect"
        " pyramid.httpexceptions.HTTPFound pyramid.httpexceptions.HTTPSeeOther"
        " pyramid.httpexceptions.HTTPMovedPermanently"
        " tornado.web.RequestHandler().redirect cherrypy.HTTPRedirect django.http.response.HttpResponseRedirect"
        " web.seeother web.found falcon.HTTPFound",
        Sink("open-redirect", (0,), ("location", "url", "redirect_to", "to"), "the target of a redirect"),
    ),
    "tornado.web.RequestHandler().write": (Sink("xss", (0,), ("chunk",), "an HTML response"),),
    "tornado.web.RequestHandler().finish": (Sink("xss", (0,), ("chunk",), "an HTML response"),),
    "aiohttp.web.StreamResponse().write": (Sink("xss", (0,), ("data",), "an HTML response"),),
    "django.http.HttpResponse().write": (Sink("xss", (0,), ("content",), "an HTML response"),),
    "http.server.BaseHTTPRequestHandler().wfile.write": (Sink("xss", (0,), (), "an HTML response"),),
    **_each(
        "sqlalchemy.text sqlalchemy.sql.text sqlalchemy.sql.expression.text sqlalchemy.literal_column"
        " sqlalchemy.text.text sqlmodel.text django.db.models.expressions.RawSQL django.db.models.RawSQL"
        " django.db.connection.cursor().execute psycopg2.sql.SQL psycopg.sql.SQL pandas.read_sql pandas.read_sql_query"
        " peewee.SQL peewee.RawQuery sqlalchemy.sql.literal_column sqlalchemy.DDL",
        Sink("sql-injection", (0,), ("sql", "text", "query"), "SQL text"),
    ),
    **_each(
        "lxml.etree.XPath lxml.etree.ETXPath lxml.etree.XPathEvaluator()",
        Sink("xpath-injection", (0,), ("path",), "an XPath expression"),
    ),
    **_each(
        "elementpath.select elementpath.iter_select elementpath.Selector",
        Sink("xpath-injection", (0, 1), ("path",), "an XPath expression"),
    ),
    "ldap.initialize().search": (Sink("ldap-injection", (0, 2), ("base", "filterstr"), "an LDAP query"),),
    "ldap3.Connection().search": (Sink("ldap-injection", (0, 1), ("search_base", "search_filter"), "an LDAP query"),),
}
"""By the full name of a function."""

METHODS: dict[str, tuple[Sink, ...]] = {
    **_each(
        "execute executescript", Sink("sql-injection", (0,), ("sql", "query", "statement", "operation"), "SQL text")
    ),
    **_each("executemany", Sink("sql-injection", (0,), ("sql", "query", "operation"), "SQL text")),
    **_each(
        "search_s search_st search_ext search_ext_s search_subtree_s",
        Sink("ldap-injection", (0, 2), ("base", "filterstr"), "an LDAP query"),
    ),
    **_each(
        "simple_bind_s bind_s delete_s modify_s compare_s",
        Sink("ldap-injection", (0,), ("who", "dn"), "a distinguished name", 0.7),
    ),
    **_each(
        "paged_search",
        Sink("ldap-injection", (0, 1), ("search_base", "search_filter"), "an LDAP query"),
    ),
    **_each("xpath", Sink("xpath-injection", (0,), ("path", "_path", "query"), "an XPath expression")),
    **_each("render_template_string", Sink("template-injection", (0,), (), "the text of a template")),
    **_each("from_string", Sink("template-injection", (0,), ("source",), "the text of a template")),
    **_each("read_sql_query exec_driver_sql fetchval fetchrow", Sink("sql-injection", (0,), ("sql",), "SQL text")),
}
"""By the name of a method of any object."""

HINTED_METHODS: dict[str, tuple[tuple[str, ...], Sink]] = {
    "raw": (("objects", "manager", "db", "query", "django"), Sink("sql-injection", (0,), ("raw_query",), "SQL text")),
    "extra": (
        ("objects", "manager", "query", "filter", "all", "exclude"),
        Sink("sql-injection", (), ("where", "select", "tables", "order_by"), "SQL text"),
    ),
    "fetch": (("conn", "pool", "asyncpg", "db"), Sink("sql-injection", (0,), ("query",), "SQL text")),
    "query": (("db", "conn", "database", "records"), Sink("sql-injection", (0,), ("sql", "query"), "SQL text")),
    "eval": (("df", "frame", "pandas"), Sink("code-injection", (0,), ("expr",), "code")),
    "fetch_all": (("db", "database", "conn"), Sink("sql-injection", (0,), ("query",), "SQL text")),
    "fetch_one": (("db", "database", "conn"), Sink("sql-injection", (0,), ("query",), "SQL text")),
    "search": (
        ("ldap", "server.bind"),
        Sink("ldap-injection", (0, 1), ("search_base", "search_filter"), "an LDAP query"),
    ),
    **dict.fromkeys(
        ("find", "findall", "findtext", "iterfind"),
        (
            ("etree", "ElementTree", "minidom", "root", "tree", "doc", "xml"),
            Sink("xpath-injection", (0,), ("path", "match"), "an XPath expression"),
        ),
    ),
    **dict.fromkeys(
        ("get", "post", "put", "delete", "head", "patch"),
        (
            ("http", "requests", "aiohttp", "httpx", "http_client"),
            Sink("ssrf", (0,), ("url",), "the address of a request"),
        ),
    ),
    **dict.fromkeys(
        ("exec_command",),
        (("ssh", "client", "paramiko"), Sink("command-injection", (0,), ("command",), "a shell command")),
    ),
}
"""By the name of a method of an object whose name has one of these words in it."""

TAKES_FILES = words(
    "zipfile.ZipFile tarfile.open tarfile.TarFile PIL.Image.open pandas.read_csv flask.send_file"
    " quart.send_file gzip.open"
    " bz2.open lzma.open shutil.copyfileobj numpy.loadtxt numpy.genfromtxt"
)
"""Functions that take a path or an open file."""

PATH_METHODS = words(
    "read_text read_bytes write_text write_bytes unlink rmdir mkdir touch iterdir open rename replace symlink_to"
)
"""Methods of a path that touch the file system."""

SUBPROCESS = words(
    "subprocess.run subprocess.call subprocess.check_call subprocess.check_output subprocess.Popen"
    " asyncio.create_subprocess_exec asyncio.subprocess.create_subprocess_exec anyio.run_process"
)
SHELLS = words("sh bash zsh ksh dash cmd cmd.exe powershell powershell.exe pwsh /bin/sh /bin/bash /usr/bin/bash")

OLD_PROTOCOLS = (
    "PROTOCOL_SSLv2",
    "PROTOCOL_SSLv3",
    "PROTOCOL_TLSv1",
    "PROTOCOL_TLSv1_1",
    "SSLv2_METHOD",
    "TLSv1_METHOD",
)
WEAK_CIPHER_LIST = re.compile(
    r"(?:^|[:,+ ])(?:RC4|DES|3DES|NULL|aNULL|eNULL|EXPORT|EXP|MD5|LOW|RC2|IDEA|SEED)", re.ASCII
)

NOSQL_METHODS = words(
    "find find_one find_one_and_update find_one_and_delete update_one update_many delete_one delete_many"
    " count_documents aggregate replace_one distinct find_one_and_replace"
)
NOSQL_MODULES = frozenset({"pymongo", "motor", "flask_pymongo", "mongoengine", "mongomock", "beanie"})

KEYED = frozenset(
    f"{package}.Cipher.{name}.new"
    for package in ("Crypto", "Cryptodome")
    for name in ("AES", "ChaCha20", "ChaCha20_Poly1305", "Salsa20", "DES3")
) | words(
    "cryptography.fernet.Fernet cryptography.hazmat.primitives.ciphers.algorithms.AES hmac.new hmac.digest"
    " cryptography.hazmat.primitives.ciphers.aead.AESGCM cryptography.hazmat.primitives.ciphers.aead.ChaCha20Poly1305"
    " cryptography.hazmat.primitives.ciphers.modes.CBC cryptography.hazmat.primitives.ciphers.modes.CTR"
    " cryptography.hazmat.primitives.ciphers.modes.GCM itsdangerous.URLSafeTimedSerializer"
)
"""Calls whose first argument is a key or a nonce."""

WEAK_HASHES = frozenset(
    {"md5", "sha1", "md4", "md2", "sha", "sha-1", "ripemd160", "rmd160", "md5-sha1", "mdc2", "ripemd", "whirlpool-t"}
)
WEAK_HASH_CALLS: dict[str, str] = {
    "hashlib.md5": "MD5",
    "hashlib.sha1": "SHA-1",
    "hashlib.md4": "MD4",
    "md5.new": "MD5",
    "sha.new": "SHA-1",
    "_md5.md5": "MD5",
    "_sha1.sha1": "SHA-1",
    **{
        f"{package}.Hash.{name}.new": name
        for package in ("Crypto", "Cryptodome")
        for name in ("MD2", "MD4", "MD5", "SHA", "SHA1", "RIPEMD", "RIPEMD160")
    },
    "cryptography.hazmat.primitives.hashes.MD5": "MD5",
    "cryptography.hazmat.primitives.hashes.SHA1": "SHA-1",
    "passlib.hash.hex_md5.hash": "MD5",
    "passlib.hash.md5_crypt.hash": "MD5",
    "passlib.hash.hex_sha1.hash": "SHA-1",
}
WEAK_CIPHER_CALLS: dict[str, str] = {
    **{
        f"{package}.Cipher.{name}.new": name
        for package in ("Crypto", "Cryptodome")
        for name in ("DES", "DES3", "ARC2", "ARC4", "Blowfish", "CAST", "XOR")
    },
    **{
        f"cryptography.hazmat.{package}.{name}": name
        for package in ("primitives.ciphers.algorithms", "decrepit.ciphers.algorithms")
        for name in ("TripleDES", "ARC4", "Blowfish", "IDEA", "CAST5", "SEED", "RC2")
    },
    "cryptography.hazmat.primitives.ciphers.modes.ECB": "ECB mode",
    "pyDes.des": "DES",
    "pyDes.triple_des": "Triple DES",
    "des.DesKey": "DES",
    "arc4.ARC4": "ARC4",
}
ECB_CALLS = frozenset(
    f"{package}.Cipher.{name}.new"
    for package in ("Crypto", "Cryptodome")
    for name in ("AES", "DES", "DES3", "Blowfish")
)

XML_FEATURES = (
    "external-general-entities",
    "external-parameter-entities",
    "feature_external_ges",
    "feature_external_pes",
)
