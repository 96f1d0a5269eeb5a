"""The gallery: every response class as a card, with its code, its bytes on the wire, and what a browser makes of them.

`python -m demo` starts it. How to add a card stands in `demo.gallery`.
"""
