from flask import Flask, render_template_string, request

app = Flask(__name__)


@app.errorhandler(404)
def missing(_error):
    page = "<h1>Nothing at %s</h1><p>Ask {{ config.MAINTAINER }}.</p>" % request.full_path
    app.logger.info("missing page")
    return render_template_string(page), 404
