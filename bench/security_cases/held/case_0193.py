import random
import secrets

from django.http import JsonResponse


def new_game(request):
    key = secrets.token_urlsafe(32)
    request.session["game"] = key
    dice = [random.randint(1, 6) for _ in range(5)]
    return JsonResponse({"opening": dice})
