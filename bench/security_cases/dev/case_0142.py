from django.http import HttpResponseRedirect


def switch_language(request, code):
    target = request.META.get("HTTP_X_RETURN_TO") or request.GET.get("return_to", "/")
    request.session["language"] = "de" if code == "de" else "en"
    response = HttpResponseRedirect(target)
    response.headers["Vary"] = "Accept-Language"
    response.headers["Content-Language"] = code
    return response
