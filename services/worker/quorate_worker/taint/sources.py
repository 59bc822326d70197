"""Where untrusted values come from, by the names that libraries give them."""

import re

from quorate_worker.taint.words import words

REQUEST = "@request"
"""The symbol that stands for the request object of any web framework."""

REQUEST_OBJECTS = frozenset(
    {
        "flask.request",
        "flask.globals.request",
        "quart.request",
        "bottle.request",
        "sanic.request",
        "werkzeug.Request()",
        "werkzeug.wrappers.Request()",
        "webob.Request()",
        "django.http.HttpRequest()",
        "starlette.requests.Request()",
        "fastapi.Request()",
        "litestar.Request()",
        "aiohttp.web.Request()",
        "rest_framework.request.Request()",
        "pyramid.request.Request()",
        "falcon.Request()",
        "cherrypy.request",
        "web.input()",
    }
)
REQUEST_TYPES = frozenset(name.removesuffix("()") for name in REQUEST_OBJECTS if name.endswith("()")) | {
    "django.core.handlers.wsgi.WSGIRequest",
    "flask.Request",
    "fastapi.requests.Request",
    "starlette.requests.HTTPConnection",
    "starlette.websockets.WebSocket",
    "fastapi.WebSocket",
    "aiohttp.web_request.Request",
    "sanic.Request",
}
"""Annotations that make a parameter a request."""

REQUEST_NAMES = frozenset({"request", "req"})
"""Parameters with these names are requests, in a module that imports a web framework."""

REQUEST_PARTS = words(
    "args form values cookies headers json data files path full_path url query_string query get_json get_data"
    " GET POST META COOKIES FILES REQUEST body text post params query_params path_params match_info rel_url"
    " matchdict json_body forms environ stream read read_body referrer referer user_agent host host_url base_url"
    " url_root get_full_path build_absolute_uri headerlist raw_path path_info body_arguments arguments"
    " query_arguments uri content multipart raw_url raw_args get_argument get_query_argument body_file receive_text"
    " receive_json receive_bytes iter_text iter_json wsgi_get_bytes view_args remote_user authorization"
    " get_param get_media media bounded_stream receive iter_bytes QUERY_STRING get_header get_cookie"
)
"""Parts of a request that its sender chooses."""

SESSION_PARTS = frozenset({"session"})
SESSION_OBJECTS = frozenset({"flask.session", "quart.session", "cherrypy.session", "flask.globals.session"})
SESSION = "@session"


def of_handler(base: str, name: str) -> str | None:
    """What an attribute of a framework's handler object is: a request, an untrusted part, or None."""
    last = base.rpartition(".")[2]
    if last.endswith("HTTPRequestHandler"):
        return f"request.{name}" if name in {"path", "headers", "rfile", "requestline"} else None
    if base.startswith("socketserver."):
        return {"rfile": "a socket", "request": "a socket"}.get(name)
    if name == "request" and VIEW_BASES.search(base):
        return REQUEST
    if name == "kwargs" and VIEW_BASES.search(base):
        return "the URL"
    return None


MESSAGE_HANDLERS = re.compile(
    r"(?:^|_)(?:on|handle|process|consume|receive)_?(?:message|event|msg|delivery|body|request)?(?:_|$)|callback$"
)
MESSAGE_NAMES = words("message msg body payload delivery event")

READS_REQUEST = re.compile(r"request|param|wrap|form|input|quer|body|data|args|header|cookie|json|payload|field|value")
KEEPS_REQUEST = re.compile(
    r"render|template|user|auth|login|logout|csrf|session|log|permission|limit|redirect|response"
)


def reads_request(name: str) -> bool:
    """Whether an unknown function that is given the request goes by a name of one that reads its parts."""
    lowered = name.rpartition(".")[2].lower()[:80]
    return bool(READS_REQUEST.search(lowered)) and not KEEPS_REQUEST.search(lowered)


TORNADO_METHODS = words(
    "get_argument get_arguments get_query_argument get_query_arguments get_body_argument get_body_arguments"
    " get_cookie get_signed_cookie"
)

WEB_MODULES = words(
    "flask quart django fastapi starlette aiohttp tornado bottle pyramid werkzeug sanic falcon litestar cherrypy"
    " webob rest_framework flask_restful flask_restx ninja web connexion responder robyn blacksheep"
)
HTML_BY_RETURN = words("flask quart bottle cherrypy web sanic connexion")
"""Frameworks whose handlers answer with HTML by returning a text."""

ROUTE_DECORATORS = words(
    "route get post put delete patch head options websocket api_route websocket_route trace view_config expose"
    " add_url_rule errorhandler"
)
VIEW_BASES = re.compile(
    r"(?:^|\.)(?:MethodView|View|Resource|APIView|ViewSet|RequestHandler|WebSocketHandler|HTTPEndpoint|HTTPMethodView"
    r"|TemplateView|DetailView|ListView|GenericAPIView|ModelViewSet|BaseHTTPRequestHandler|WebSocketEndpoint)$"
)
VIEW_METHODS = words("get post put delete patch head options on_get on_post on_put on_delete on_message")

SERVICE_TYPES = re.compile(
    r"(?:Session|Request|Response|Tasks|Depends|Service|Repository|Connection|Engine|Settings|Client|Security|Logger)\b"
)
"""Annotations of path-operation parameters that the framework fills in itself."""

CALLS: dict[str, tuple[str, str]] = {
    "input": ("input()", "local"),
    "sys.stdin.read": ("standard input", "local"),
    "sys.stdin.readline": ("standard input", "local"),
    "sys.stdin.readlines": ("standard input", "local"),
    "sys.stdin.buffer.read": ("standard input", "local"),
    "getpass.getpass": ("getpass()", "local"),
    "argparse.ArgumentParser().parse_args": ("the command line", "local"),
    "argparse.ArgumentParser().parse_known_args": ("the command line", "local"),
    "os.getenv": ("os.getenv", "environment"),
    "os.environ.get": ("os.environ", "environment"),
    "pyramid.threadlocal.get_current_request": (REQUEST, "remote"),
    "web.input": ("web.input()", "remote"),
    "socket.socket().recv": ("a socket", "network"),
    "socket.socket().recvfrom": ("a socket", "network"),
    **{
        f"{owner}().{method}": ("a mail", "network")
        for owner in ("imaplib.IMAP4_SSL", "imaplib.IMAP4", "poplib.POP3", "poplib.POP3_SSL")
        for method in ("fetch", "retr", "uid")
    },
    "cgi.FieldStorage": ("a CGI form", "remote"),
}
"""Calls whose result is untrusted: what it is called, and its strength."""

ATTRIBUTES: dict[str, tuple[str, str]] = {
    "sys.argv": ("sys.argv", "local"),
    "sys.stdin": ("standard input", "local"),
    "os.environ": ("os.environ", "environment"),
}

RANDOM_FUNCTIONS = words(
    "random randint randrange choice choices sample getrandbits uniform triangular betavariate expovariate"
    " gammavariate gauss lognormvariate normalvariate paretovariate vonmisesvariate weibullvariate randbytes"
    " binomialvariate random_integers rand randn integers bytes uuid1"
)
RANDOM_OWNERS = frozenset({"uuid", "random", "random.Random()", "numpy.random", "numpy.random.default_rng()"})

SECRET_NAME = re.compile(
    r"(?:^|_)(?:token|passwords?|passwd|passphrase|pwd|secret|session_?(?:id|key|token)|sid|api_?key|secret_?key"
    r"|(?:session|encryption|encrypt|private|signing|access|auth|hmac|aes|remember_?me|crypto|license|activation)_?key"
    r"|nonce|salt|iv|otp|totp|pin_?code|one_time_(?:code|password)|csrf(?:_?token)?|xsrf|cookie(?:_value)?|remember_?me"
    r"|(?:reset|verification|verify|recovery|confirmation|invite|activation|auth|security|login|sms|mfa|two_factor|backup"
    r"|access|unlock)_?(?:code|link|pin)s?|credential|jwt|captcha|ticket_secret|voucher_secret|password_\w+)$"
)
"""Names of what must not be guessed, in snake_case."""

COOKIE_SETTING = re.compile(r"(?:^|_)COOKIE_(SECURE|HTTPONLY)$")

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def is_secret_name(name: str) -> bool:
    """Whether a name is that of a token, a password, a key or the like."""
    snake = _HUMP.sub("_", name[:80]).lower()
    return bool(SECRET_NAME.search(snake))


SECRET_VERB = re.compile(
    r"(?:token|password|secret|session_?id|api_?key|otp|csrf|nonce|salt|(?:reset|verification)_?code)"
)


_NEW_KEY = re.compile(r"^_*(?:new|make|generate|gen|create|random|fresh|derive)_(?:\w+_)?keys?$")


def makes_secret(name: str) -> bool:
    """Whether a function's name says that it returns a secret (`generate_token`)."""
    snake = _HUMP.sub("_", name[:80]).lower()
    return bool(SECRET_VERB.search(snake) or _NEW_KEY.search(snake)) and not re.match(
        r"(?:check|verify|validate|is|has|test)_", snake
    )
