import ldap3
from aiohttp import web
from ldap3.utils.conv import escape_filter_chars
from ldap3.utils.dn import escape_rdn


class Search:
    def __init__(self, connection):
        self.connection = connection

    def members(self, team, prefix):
        base = "cn=%s,ou=teams,dc=example,dc=org" % escape_rdn(team)
        self.connection.search(base, "(cn=%s*)" % escape_filter_chars(prefix))
        return [entry.entry_dn for entry in self.connection.entries]


async def members(request):
    search = Search(ldap3.Connection("ldap.example.org", auto_bind=True))
    return web.json_response(search.members(request.match_info["team"], request.query.get("prefix", "")))
