from django.http import HttpResponse


def start(request):
    for key, value in request.GET.items():
        request.session[key] = value
    return HttpResponse("started")


def area(request):
    if not request.session.get("verified"):
        return HttpResponse(status=403)
    return HttpResponse("the members' area")
