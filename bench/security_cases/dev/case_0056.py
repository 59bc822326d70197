import zipfile
from pathlib import Path

from django.http import HttpResponse

THEMES = Path("themes")


def install_theme(request):
    """Unpack what a shop owner uploaded."""
    with zipfile.ZipFile(request.FILES["theme"]) as archive:
        for entry in archive.infolist():
            if entry.is_dir():
                continue
            target = THEMES / entry.filename
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(entry))
    return HttpResponse("installed")
