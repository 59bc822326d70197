import xml.etree.ElementTree as ET

from django.http import JsonResponse


class Staff:
    tree = ET.parse("staff.xml")

    def one(self, **wanted):
        conditions = "".join(f"[{key}='{value}']" for key, value in wanted.items())
        return self.tree.find("./employee" + conditions)


def salary(request):
    employee = Staff().one(name=request.GET["name"], pin=request.GET["pin"])
    if employee is None:
        return JsonResponse({"error": "unknown"}, status=404)
    return JsonResponse({"salary": employee.findtext("salary")})
