import ldap
import tornado.web

KINDS = {"printer": "(objectClass=printer)", "camera": "(objectClass=camera)"}


class DeviceHandler(tornado.web.RequestHandler):
    def get(self):
        kind = self.get_argument("kind")
        query = KINDS.get(kind, KINDS["printer"])
        link = ldap.initialize("ldap://devices.example.com")
        found = link.search_s("ou=devices,dc=example,dc=com", ldap.SCOPE_SUBTREE, query)
        self.write({"kind": kind, "count": len(found)})
