from fastapi import FastAPI
from fastapi.responses import HTMLResponse

app = FastAPI()


class Page:
    def __init__(self, title: str):
        self.title = title
        self.blocks: list[str] = []

    def paragraph(self, text: str) -> None:
        self.blocks.append(f"<p>{text}</p>")

    def html(self) -> str:
        return f"<title>{self.title}</title>" + "".join(self.blocks)


@app.get("/answer", response_class=HTMLResponse)
def answer(q: str):
    page = Page("Answer")
    page.paragraph("You asked: " + q)
    return page.html()
