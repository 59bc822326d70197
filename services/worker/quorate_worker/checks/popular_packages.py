"""Packages that everybody knows, and names that differ from one of them by a slip of a finger.

The lists are short on purpose: a name is suspicious only beside one that is installed everywhere.
"""

from quorate_worker.checks.names import names

POPULAR: dict[str, frozenset[str]] = {
    "pypi": names(
        """
    aiohttp alembic anyio asyncpg attrs beautifulsoup4 black boto3 botocore celery certifi cffi
    charset-normalizer click colorama cryptography django docker fastapi flask gunicorn httpx idna jinja2
    jsonschema jupyter keras langchain lxml markupsafe matplotlib mypy networkx numpy openai opencv-python
    openpyxl packaging pandas paramiko pillow pipenv playwright pluggy poetry protobuf psutil psycopg2 pyarrow
    pydantic pygments pyjwt pymongo pymysql pytest python-dateutil pyyaml redis requests rich scikit-learn
    scipy scrapy seaborn selenium setuptools simplejson sqlalchemy starlette tensorflow torch tornado tqdm
    transformers typing-extensions urllib3 uvicorn virtualenv websockets werkzeug wheel
    """
    ),
    "npm": names(
        """
    angular axios babel-core bluebird body-parser bootstrap chalk chokidar classnames colors commander cors
    cross-env cypress debug dotenv electron esbuild eslint express firebase fs-extra graphql gulp handlebars
    helmet jquery jsonwebtoken lodash minimist mocha moment mongodb mongoose morgan next nodemailer nodemon
    npm passport playwright postcss prettier prop-types puppeteer react react-dom react-redux react-router
    redux request rollup rxjs semver sequelize socket.io stripe styled-components tailwindcss three tslib
    typescript underscore uuid vite vue webpack winston yargs zod
    """
    ),
    "crates": names(
        """
    anyhow async-trait axum base64 bitflags bytes chrono clap criterion crossbeam futures hyper itertools
    lazy_static libc log num-traits once_cell parking_lot rand rayon regex reqwest rustls serde serde_json
    sqlx syn tempfile thiserror time tokio toml tonic tower tracing url uuid
    """
    ),
}

# Packages of their own, one letter away from a popular one.
_KNOWN = names(
    """
    preact redis2 flasks urllib4 urllib request requests2 attr boto psycopg jinja click2 nextra numpydoc
    pyjwt2 color colour chalk2 expresso reactn mongo mongod pytest2 pydantic2 torchx lodash-es core-js yarg
    args mocha2 moments gulp-cli helmets react3 colors2 rolldown riched tornado2 pillow2 aiohttp2 httpx2
    httpcore async-std tokio2 serdes loguru regexp bites cookie cookies hyperx rands tracing2 tomli tower2
    racing flake8 vitest pandas2 fastapi2 keras2 gradle wheels docker2 poetry2 redux2 requests3 pymssql
    pymongo2 types uvloop celery2 asyncpg2 rayons futures2 scrapli scrap pyaml debugs denodo vuex vue3 jquery2
    axon dayjs eslint2 express2 stripes pluggy2 times
    """
)

SHORTEST = 5
"""Shorter names are near each other by chance."""

LONGEST = 60


def mistaken_for(ecosystem: str, name: str) -> str | None:
    """The popular package of the ecosystem that a name is one slip away from, if it is not a known one itself."""
    names = POPULAR.get(ecosystem, frozenset())
    if name in names or name in _KNOWN or not SHORTEST <= len(name) <= LONGEST:
        return None
    return next((popular for popular in sorted(names) if len(popular) >= SHORTEST and is_one_slip(name, popular)), None)


def is_one_slip(one: str, other: str) -> bool:
    """Whether one letter too many, too few, wrong, or two letters swapped make the difference."""
    if one == other or abs(len(one) - len(other)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    left, right = one[start:], other[start:]
    if len(left) != len(right):
        return left[1:] == right or left == right[1:]
    return left[1:] == right[1:] or (left[:2] == right[:2][::-1] and left[2:] == right[2:])
