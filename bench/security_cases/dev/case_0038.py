from django.shortcuts import redirect
from django.views import View

DEFAULTS = {"after": "/", "permanent": False}


class Unsubscribe(View):
    def settings(self):
        return DEFAULTS | {key: value for key, value in self.request.GET.items() if key in DEFAULTS}

    def post(self, request, token):
        request.user.subscriptions.filter(token=token).delete()
        return redirect(self.settings()["after"])
