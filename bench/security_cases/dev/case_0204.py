from django.http import HttpResponse
from mako.template import Template


class Signature:
    def __init__(self, text):
        self.text = text

    def render(self, user):
        return Template(self.text).render(user=user)


def signature(request):
    chosen = Signature(request.POST.get("signature", "${user}"))
    return HttpResponse(chosen.render(request.user.username), content_type="text/plain")
