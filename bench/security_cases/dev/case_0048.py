from django.db import connection
from django.http import JsonResponse
from django.views import View


class OrderList(View):
    """Orders of one customer, newest first unless asked otherwise."""

    def get(self, request, customer_id):
        direction = request.GET.get("order", "created_at DESC")
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, total FROM orders WHERE customer_id = %s ORDER BY " + direction,
                [customer_id],
            )
            orders = [{"id": row[0], "total": row[1]} for row in cursor.fetchall()]
        return JsonResponse({"orders": orders})
