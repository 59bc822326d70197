from django.http import JsonResponse
from ldap3 import ALL, Connection, Server


class Directory:
    def __init__(self):
        self.connection = Connection(Server("ldap.example.com", get_info=ALL), auto_bind=True)

    def groups(self, member):
        query = f"(&(objectClass=group)(member={member}))"
        self.connection.search("dc=example,dc=com", query, attributes=["cn"])
        return [entry.cn.value for entry in self.connection.entries]


def groups(request):
    return JsonResponse({"groups": Directory().groups(request.GET.get("member"))})
