from django.http import HttpResponse

from .models import Ticket


def bulk_close(request):
    """Close tickets named in a comma-separated form field."""
    numbers = [int(part) for part in request.POST["tickets"].split(",") if part.strip()]
    listed = ", ".join(str(number) for number in numbers)
    closed = 0
    for ticket in Ticket.objects.raw("SELECT * FROM helpdesk_ticket WHERE id IN (%s)" % listed):
        ticket.close(by=request.user)
        closed += 1
    return HttpResponse(f"{closed} closed", content_type="text/plain")
