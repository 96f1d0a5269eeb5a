"""The page as HTML, made of the cards and `page/page.html`."""

from html import escape
from pathlib import Path
from string import Template

from demo.gallery import Card, Exchange, Lane
from demo.highlight import highlight

_TEMPLATE = Template((Path(__file__).parent / "page" / "page.html").read_text("utf-8"))


def render_page(lanes: list[Lane]) -> str:
    return _TEMPLATE.substitute(
        navigation="".join(map(_render_navigation, lanes)), lanes="".join(map(_render_lane, lanes))
    )


def _render_navigation(lane: Lane) -> str:
    links = "".join(f'<li><a href="#{card.slug}">{escape(card.title)}</a></li>' for card in lane.cards)
    return f"<p>{escape(lane.title)}</p><ul>{links}</ul>"


def _render_lane(lane: Lane) -> str:
    return f'<h2 class="lane">{escape(lane.title)}</h2>{"".join(map(_render_card, lane.cards))}'


def _render_card(card: Card) -> str:
    slug = card.slug
    return f"""
<article class="card" id="{slug}" data-view="{card.view}" aria-labelledby="{slug}-title">
  <header>
    <h3 id="{slug}-title">{escape(card.title)}</h3>
    <p class="class-name">{" · ".join(f"<code>{escape(name)}</code>" for name in card.class_names)}</p>
    <p>{escape(card.about)}</p>
  </header>
  <section class="code">
    <div class="bar"><h4 id="{slug}-code">The code</h4><button type="button" class="copy needs-script">Copy</button></div>
    <pre tabindex="0" role="group" aria-labelledby="{slug}-code {slug}-title"><code>{highlight(card.code)}</code></pre>
  </section>
  <section class="wire">
    <div class="bar">
      <h4 id="{slug}-wire">On the wire</h4>
      <div class="tries needs-script" role="group" aria-label="Requests to send">{_render_tries(card)}</div>
    </div>
    <pre tabindex="0" role="group" aria-labelledby="{slug}-wire {slug}-title">{_render_without_script(card)}</pre>
  </section>
  <section class="result">
    <div class="bar"><h4 id="{slug}-result">The result</h4></div>
    <div class="rendered"></div>
  </section>
</article>"""


def _render_tries(card: Card) -> str:
    return "".join(
        f'<button type="button" data-wire="/wire/{card.slug}/{number}" data-target="{escape(exchange.target)}"'
        f' data-method="{exchange.sent.method}"'
        f' aria-pressed="false">{escape(exchange.sent.label)}</button>'
        for number, exchange in enumerate(card.exchanges)
    )


def _render_without_script(card: Card) -> str:
    links = ", ".join(
        f'<a href="/wire/{card.slug}/{number}">{escape(_name_of(exchange))}</a>'
        for number, exchange in enumerate(card.exchanges)
    )
    return f"<noscript>See the bytes of {links}</noscript>"


def _name_of(exchange: Exchange) -> str:
    return f"{exchange.sent.method} {exchange.target}"
