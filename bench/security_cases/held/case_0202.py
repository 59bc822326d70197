import io

import numpy as np
import tornado.web


class SpectrumHandler(tornado.web.RequestHandler):
    def post(self):
        options = {"allow_pickle": True}
        spectrum = np.load(io.BytesIO(self.request.body), **options)
        self.write({"points": int(spectrum.shape[0])})
