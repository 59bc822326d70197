import yaml
from django.http import JsonResponse
from django.views import View


class ImportPipeline(View):
    """Reads a pipeline definition that a user pasted."""

    loader = yaml.Loader

    def parse(self, text):
        return yaml.load(text, Loader=self.loader)

    def post(self, request):
        definition = self.parse(request.POST["definition"])
        return JsonResponse({"steps": len(definition.get("steps", []))})
