from django.http import HttpResponse
from django.views import View


class Hooks:
    def __init__(self):
        self.sources = {}

    def register(self, event, source):
        self.sources[event] = source

    def fire(self, event, **names):
        exec(self.sources[event], dict(names))


class HookView(View):
    hooks = Hooks()

    def post(self, request, event):
        self.hooks.register(event, request.body.decode())
        self.hooks.fire(event, user=str(request.user))
        return HttpResponse(status=204)
