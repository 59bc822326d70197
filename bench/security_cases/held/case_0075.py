from django.shortcuts import render

from .models import Book


def search(request):
    author = request.GET["author"]
    quoted = author.replace('"', "'")
    books = Book.objects.raw("SELECT * FROM library_book WHERE author = '" + quoted + "'")
    return render(request, "library/search.html", {"books": books})
