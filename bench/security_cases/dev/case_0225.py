from django.http import HttpResponse
from django.utils.html import escape


def profile(request):
    rows = []
    for key, value in request.GET.items():
        rows.append("<tr><th>" + key + "</th><td>" + escape(value) + "</td></tr>")
    rows.sort()
    return HttpResponse("<table>" + "".join(rows) + "</table>")
