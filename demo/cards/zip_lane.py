"""Many things in one answer.

Archives that are made while they are sent.
"""

from demo.cards.files_lane import FILM, SHELF
from demo.gallery import Try, View, card
from rejoinder import ZipResponse


@card(
    title="A folder as a ZIP, with progress",
    about="The folder and the film of the cards above. Nothing is written to a disk or kept in memory: files are opened one "
    "by one, while the archive is sent. Its length is known before, so the browser knows how much is left.",
    view=View.ARCHIVE,
    tries=(Try(label="Send the archive"), Try(label="HEAD", method="HEAD")),
)
def packed() -> ZipResponse:
    return ZipResponse({"shelf/": SHELF, "film/clock.mp4": FILM}, filename="shelf.zip")
