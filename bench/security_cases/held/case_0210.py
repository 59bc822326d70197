from hashlib import sha1 as digest

from django.http import HttpResponse


def reset_link(user, now):
    token = digest(f"{user.pk}:{user.password}:{now}".encode()).hexdigest()
    return "/reset/" + token


def ask_reset(request):
    link = reset_link(request.user, request.POST["now"])
    request.user.email_user("Your link", link)
    return HttpResponse("sent")
