import os

from django.http import FileResponse, Http404

REPORTS = "reports"


def report(request):
    name = os.path.basename(request.GET.get("name", "summary"))
    path = os.path.join(REPORTS, name + ".pdf")
    try:
        return FileResponse(open(path, "rb"))
    except FileNotFoundError as error:
        raise Http404 from error
