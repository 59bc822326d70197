import ldap
from aiohttp import web


async def phone(request):
    data = await request.post()
    person, unit = data["person"], data["unit"]
    base = "ou={},dc=example,dc=org".format(unit)
    criteria = "(&(objectClass=person)(cn={}*))".format(person.strip().lower())
    link = ldap.initialize(request.app["ldap_uri"])
    answers = link.search_ext_s(base, ldap.SCOPE_ONELEVEL, criteria, ["telephoneNumber"])
    return web.json_response([dn for dn, _ in answers])
