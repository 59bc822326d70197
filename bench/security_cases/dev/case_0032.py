from flask import Blueprint, render_template, request
from sqlalchemy import create_engine, text

reports = Blueprint("reports", __name__)
engine = create_engine("postgresql:///reports")

COLUMNS = ["id", "author", "year"]


@reports.route("/reports", methods=["POST"])
def filtered():
    conditions = []
    for column in COLUMNS:
        wanted = request.form.get(column)
        if wanted:
            conditions.append("{} = '{}'".format(column, wanted))
    statement = "SELECT * FROM reports"
    if conditions:
        statement += " WHERE " + " AND ".join(conditions)
    with engine.connect() as connection:
        found = connection.execute(text(statement)).fetchall()
    return render_template("reports.html", reports=found)
