from django.http import HttpResponse
from django.template import engines

LAYOUTS = {
    "short": "{{ title }}",
    "long": "{{ title }} by {{ author }}",
}


def card(request):
    source = LAYOUTS.get(request.GET.get("layout"), LAYOUTS["short"])
    template = engines["django"].from_string(source)
    values = {"title": request.GET.get("title"), "author": request.GET.get("author")}
    return HttpResponse(template.render(values, request))
