from datetime import datetime, timedelta, timezone

import jwt
from django.conf import settings
from django.http import JsonResponse


def issue(user):
    now = datetime.now(timezone.utc)
    return jwt.encode({"sub": user.pk, "exp": now + timedelta(hours=1)}, settings.SECRET_KEY, "HS256")


def token(request):
    response = JsonResponse({"ok": True})
    response.set_cookie(
        "access_token",
        issue(request.user),
        max_age=3600,
        httponly=True,
        samesite="Lax",
    )
    return response
