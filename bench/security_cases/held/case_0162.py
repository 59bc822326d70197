import math

from fastapi import FastAPI, HTTPException

app = FastAPI()
NAMES = {name: getattr(math, name) for name in dir(math) if not name.startswith("_")}


@app.get("/plot")
def plot(formula: str, start: float = 0.0, stop: float = 1.0):
    """Points of a formula in x."""
    step = (stop - start) / 100
    try:
        compiled = compile(formula, "formula", "eval")
        return [eval(compiled, {"__builtins__": {}}, NAMES | {"x": start + i * step}) for i in range(100)]
    except (SyntaxError, NameError) as error:
        raise HTTPException(400, str(error)) from error
