from django.http import HttpResponse

COOKIE = {"httponly": True, "samesite": "Lax"}


def remember(request):
    options = COOKIE | {"secure": True}
    response = HttpResponse("welcome back")
    response.set_cookie("remember_me", request.user.remember_token, **options)
    return response
