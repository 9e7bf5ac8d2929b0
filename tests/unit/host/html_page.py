"""Read a page as a browser would: what it fetches, its tags and words."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Collect what a browser would fetch, and the text."""

    def __init__(self, text):
        super().__init__()
        self.fetched, self.words, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "data", "action"}:
                self.fetched.append(value)

    def handle_data(self, data):
        self.words.append(data)
