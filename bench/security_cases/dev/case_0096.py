from flask import Flask, request, send_file

app = Flask(__name__)


def export_name(values):
    kind, *rest = values
    return rest[0] if rest else kind + ".csv"


@app.get("/export")
def export():
    chosen = [request.args.get("kind", "all")]
    if "name" in request.args:
        chosen.append(request.args["name"])
    return send_file("/srv/app/exports/" + export_name(chosen), as_attachment=True)
