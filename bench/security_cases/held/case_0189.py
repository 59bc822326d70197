import yaml
from django.http import JsonResponse


def validate(request):
    """Says whether an uploaded manifest has the fields we need."""
    text = request.FILES["manifest"].read()
    try:
        manifest = yaml.load(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        return JsonResponse({"valid": False, "why": str(error)})
    return JsonResponse({"valid": {"name", "version"} <= set(manifest)})
