from django.http import HttpResponse

COOKIE = {"httponly": True, "secure": False, "max_age": 3600}


def remember(request):
    response = HttpResponse("welcome back")
    response.set_cookie("remember_me", request.user.remember_token, **COOKIE)
    response.headers["Cache-Control"] = "private"
    return response
