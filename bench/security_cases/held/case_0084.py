import io
import xml.sax
from xml.sax.handler import ContentHandler, feature_external_ges, feature_external_pes

from django.http import JsonResponse


class Counter(ContentHandler):
    count = 0

    def startElement(self, name, attrs):
        self.count += 1


def count(request):
    handler = Counter()
    reader = xml.sax.make_parser()
    reader.setFeature(feature_external_ges, False)
    reader.setFeature(feature_external_pes, False)
    reader.setContentHandler(handler)
    reader.parse(io.BytesIO(request.body))
    return JsonResponse({"elements": handler.count})
