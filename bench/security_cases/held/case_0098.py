import xml.etree.ElementTree as ET

from django.http import JsonResponse


def course(request):
    number = int(request.GET["number"])
    tree = ET.parse("courses.xml")
    found = tree.find(f"./course[@number='{number}']")
    return JsonResponse({"title": None if found is None else found.findtext("title")})
