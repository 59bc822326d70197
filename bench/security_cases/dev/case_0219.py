import requests
from django.http import JsonResponse


def weather(request):
    """Weather of a city, from the service that we pay for."""
    city = request.GET.get("city", "Bern")
    answer = requests.get(
        "https://weather.example.net/v2/current",
        params={"q": city, "units": "metric"},
        timeout=4,
    )
    return JsonResponse(answer.json())
