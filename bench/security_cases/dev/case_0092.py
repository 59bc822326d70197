import ldap
from django.http import JsonResponse
from ldap.filter import filter_format

BASE = "dc=example,dc=com"


def rooms(request):
    building, floor = request.GET["building"], request.GET["floor"]
    query = filter_format("(&(objectClass=room)(building=%s)(floor=%s))", [building, floor])
    connection = ldap.initialize("ldaps://ldap.example.com")
    return JsonResponse({"rooms": [dn for dn, _ in connection.search_s(BASE, ldap.SCOPE_SUBTREE, query)]})
