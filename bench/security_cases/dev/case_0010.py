import ldap3
import tornado.web


class MailHandler(tornado.web.RequestHandler):
    def get(self):
        settings = {"base": "ou=staff,dc=example,dc=com", "attribute": "mail"}
        settings["filter"] = "(employeeNumber=%s)" % self.get_argument("number")
        connection = ldap3.Connection(self.settings["ldap"], auto_bind=True)
        connection.search(settings["base"], settings["filter"], attributes=[settings["attribute"]])
        self.write({"mail": [str(entry.mail) for entry in connection.entries]})
