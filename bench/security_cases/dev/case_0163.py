import subprocess

from django.http import HttpResponse
from django.views.decorators.http import require_POST


def build_command(source, fmt):
    options = {"pdf": "--pdf-engine=xelatex", "html": "--standalone"}
    return f"pandoc {options[fmt]} -o out.{fmt} {source}"


@require_POST
def convert(request):
    fmt = "pdf" if "pdf" in request.POST else "html"
    command = build_command(request.POST["document"], fmt)
    done = subprocess.run(command, shell=True, capture_output=True, check=False)
    return HttpResponse(done.stdout, content_type="text/plain", status=200 if done.returncode == 0 else 500)
