from django.http import JsonResponse

FORMULAS = {
    "area": "w * h",
    "perimeter": "2 * (w + h)",
}


def measure(request):
    name = request.GET.get("formula", "area")
    if name not in FORMULAS:
        return JsonResponse({"error": "unknown formula"}, status=400)
    w, h = float(request.GET["w"]), float(request.GET["h"])
    value = eval(FORMULAS[name], {"__builtins__": {}}, {"w": w, "h": h})
    return JsonResponse({"value": value})
