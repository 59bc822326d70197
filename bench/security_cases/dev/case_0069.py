from django.contrib.auth import authenticate
from django.http import HttpResponse


def login(request):
    user = authenticate(request, username=request.POST["name"], password=request.POST["password"])
    if user is None:
        return HttpResponse(status=401)
    request.session["user_id"] = user.pk
    request.session["is_staff"] = user.is_staff
    return HttpResponse("hello")
