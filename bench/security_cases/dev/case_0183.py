from urllib.request import urlopen

from django.http import HttpResponse


def preview(request):
    address = request.POST.get("image")
    if not address.startswith("http"):
        return HttpResponse(status=400)
    with urlopen(address) as answer:
        data = answer.read(1_000_000)
    return HttpResponse(data, content_type="image/png")
