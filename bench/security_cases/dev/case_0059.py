from django.http import HttpResponse
from django.template import engines
from django.utils.safestring import mark_safe

LAYOUT = engines["django"].from_string("<main>{{ comment }}</main>")


def show_comment(request):
    comment = mark_safe(request.POST["comment"].strip())
    return HttpResponse(LAYOUT.render({"comment": comment}))
