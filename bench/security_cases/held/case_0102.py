from django.http import HttpResponse
from django.utils.html import format_html, format_html_join


def tags(request):
    chosen = request.GET.getlist("tag")
    if not chosen:
        return HttpResponse("<p>No tags.</p>")
    items = format_html_join("", "<li>{}</li>", ((tag,) for tag in chosen))
    return HttpResponse(format_html("<ul>{}</ul>", items))
