"""What is noted on the server about an exchange, for the page to show: a line each."""

from collections import deque
from itertools import count

from demo.gallery import router
from rejoinder import JSONResponse

journal: deque[tuple[int, str]] = deque(maxlen=400)
numbers = count(1)


@router.get("/journal/{number}")
def read_journal(number: int) -> JSONResponse:
    return JSONResponse([line for of, line in journal if of == number])
