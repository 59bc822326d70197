import subprocess

from django.http import JsonResponse

ACTIONS = {
    "status": "systemctl status shop --no-pager",
    "uptime": "uptime | cut -d, -f1",
    "disk": "df -h | tail -n +2",
}


def maintenance(request, action):
    command = ACTIONS.get(action)
    if command is None:
        return JsonResponse({"error": "no such action"}, status=404)
    out = subprocess.check_output(command, shell=True, text=True)
    return JsonResponse({"output": out})
