"""Reads the dashboard's pages as people do: rows of tables, labels, links."""

from html.parser import HTMLParser

_EMPTY = {"input", "link", "meta", "wbr", "br"}


class Page(HTMLParser):
    """A page: ``rows`` of its tables, by what stands above their cells; ``links``, ``text`` and so on.

    ``labels`` are the coloured ones, each with its tone; ``details`` what stands beside a name.
    """

    def __init__(self, html):
        super().__init__()
        self.rows, self.links, self.labels, self.tags = [], [], [], []
        self.details = {}
        self._open, self._texts = [], [[]]
        self._in_style = False
        self.feed(html)
        self.close()
        self.text = tidy(self._texts[0])

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        if tag in _EMPTY:
            return
        self._open.append((tag, given))
        self._texts.append([])
        if tag == "a":
            self.links.append(given["href"])
        elif tag == "tr":
            self.rows.append({})
        elif tag == "style":
            self._in_style = True

    def handle_endtag(self, tag):
        opened, given = self._open.pop()
        assert opened == tag, f"{opened} is closed by {tag}"
        inner = self._texts.pop()
        text = tidy(inner)
        if tag == "td":
            self.rows[-1][given["data-label"]] = text
        elif tag == "dd":
            self.details.setdefault(self._title, text)
        elif tag == "dt":
            self._title = text
        elif "label" in given.get("class", "").split():
            self.labels.append((given["class"].split()[1], text))
        if tag == "style":
            self._in_style = False
        elif tag in {"span", "bdi", "wbr", "a", "h1", "code"}:
            self._texts[-1] += inner
        else:
            self._texts[-1] += [" ", *inner, " "]

    def handle_data(self, data):
        if not self._in_style:
            self._texts[-1].append(data)

    @property
    def table(self):
        """The rows of the tables, without those of the headings."""
        return [row for row in self.rows if row]


def tidy(pieces):
    return " ".join("".join(pieces).replace("\N{NO-BREAK SPACE}", " ").split())
