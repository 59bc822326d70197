from django.db import connection
from django.http import JsonResponse

SORTABLE = {"name": "last_name", "joined": "joined_on", "city": "city"}


def members(request):
    column = SORTABLE.get(request.GET.get("sort"), "last_name")
    order = "DESC" if request.GET.get("desc") else "ASC"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id, last_name FROM members ORDER BY {column} {order}")
        rows = cursor.fetchall()
    return JsonResponse({"members": rows})
