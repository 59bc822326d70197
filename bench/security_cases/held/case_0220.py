import ssl
import urllib.request


def fetch(url):
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with urllib.request.urlopen(url, context=context, timeout=10) as answer:
        return answer.read()


def main():
    print(len(fetch("https://www.example.org/")))


if __name__ == "__main__":
    main()
