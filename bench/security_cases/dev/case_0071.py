from random import randint

from django.core.mail import send_mail
from django.http import HttpResponse


def send_pin(request):
    pin = "%06d" % randint(0, 999999)
    request.session["pin"] = pin
    send_mail("Your login code", pin, None, [request.user.email])
    return HttpResponse(status=204)
