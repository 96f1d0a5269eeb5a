"""Media types: RFC 9110 section 8.3."""

import mimetypes
from functools import lru_cache

from rejoinder._http.fields import Field, encode_field

OCTET_STREAM = "application/octet-stream"

# Python's table, and not what the machine's mime.types or registry make of it: once those were read, an instance still knows
# it. The first instance would read them, though it does not use them.
_PYTHONS_TYPES = mimetypes.MimeTypes(()).types_map[True] if mimetypes.inited else mimetypes.types_map.copy()
# What Python's table lacks, has outdated, or has only since some version; these answers are the same everywhere.
_TYPES = {
    f".{extension}": media_type
    for media_type, extensions in {
        # Compressed files have their own type: a content-encoding would have the client store them unpacked.
        "application/gzip": "gz tgz svgz",
        "application/x-brotli": "br",
        "application/zstd": "zst tzst",
        "application/x-xz": "xz txz",
        "application/x-bzip2": "bz2 tbz2",
        "application/x-compress": "z",
        "application/x-7z-compressed": "7z",
        "application/vnd.rar": "rar",
        # The web
        "text/javascript": "js mjs cjs",
        "application/json": "json map",
        "application/ld+json": "jsonld",
        "application/geo+json": "geojson",
        "application/jsonl": "jsonl ndjson",
        "application/manifest+json": "webmanifest",
        "application/wasm": "wasm",
        "application/xhtml+xml": "xhtml",
        "application/atom+xml": "atom",
        "application/rss+xml": "rss",
        "font/otf": "otf",
        "font/ttf": "ttf",
        "font/woff": "woff",
        "font/woff2": "woff2",
        # Pictures, sound, films
        "image/apng": "apng",
        "image/avif": "avif",
        "image/heic": "heic",
        "image/jpeg": "jpg jpeg",
        "image/jxl": "jxl",
        "image/svg+xml": "svg",
        "image/webp": "webp",
        "audio/flac": "flac",
        "audio/midi": "mid midi",
        "audio/mp4": "m4a",
        "audio/ogg": "oga ogg opus",  # RFC 7845, 9: the file is Ogg; audio/opus is for RTP
        "audio/wav": "wav",
        "audio/webm": "weba",
        "video/3gpp": "3gp",
        "video/mp2t": "ts",
        "video/mp4": "mp4 m4v",
        "video/ogg": "ogv",
        "video/webm": "webm",
        "video/x-matroska": "mkv",
        "application/dash+xml": "mpd",
        "application/vnd.apple.mpegurl": "m3u8",
        "model/gltf+json": "gltf",
        "model/gltf-binary": "glb",
        # Texts and documents
        "text/calendar": "ics",
        "text/csv": "csv",
        "text/markdown": "md markdown",
        "text/plain": "log",
        "text/vcard": "vcf",
        "text/vtt": "vtt",
        "application/epub+zip": "epub",
        "application/rtf": "rtf",
        "application/toml": "toml",
        "application/yaml": "yaml yml",
        "application/vnd.oasis.opendocument.presentation": "odp",
        "application/vnd.oasis.opendocument.spreadsheet": "ods",
        "application/vnd.oasis.opendocument.text": "odt",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    }.items()
    for extension in extensions.split()
}
# What mime-db 1.54.0 (https://github.com/jshttp/mime-db) has as compressible beside text/* and the types with one of the
# suffixes below: all but application/octet-stream, which can be anything, and is mostly something compressed; archives,
# disk images and the like. The last four are ours: texts that it does not know.
_COMPRESSIBLE = frozenset(
    f"{kind}/{subtype}"
    for kind, subtypes in {
        "application": "dart ecmascript javascript json postscript rtf toml vnd.dart vnd.ms-fontobject vnd.ms-opentype wasm "
        "x-httpd-php x-javascript x-ns-proxy-autoconfig x-sh x-www-form-urlencoded xml xml-dtd",
        "font": "otf ttf",
        "image": "bmp vnd.microsoft.icon x-icon x-ms-bmp",
        "message": "rfc822",
        "model": "gltf-binary",
        "x-shader": "x-fragment x-vertex",
    }.items()
    for subtype in subtypes.split()
) | {"application/jsonl", "application/vnd.apple.mpegurl", "application/x-ndjson", "application/yaml"}
_COMPRESSIBLE_SUFFIXES = ("+json", "+text", "+xml", "+yaml")


def guess_media_type(filename: str) -> str:
    """The media type of a file with this name, from its last extension alone; `application/octet-stream` if unknown.

    >>> guess_media_type("page.tar.gz")
    'application/gzip'
    """
    return _guess(str.__str__(filename))  # what is remembered must not keep alive whatever else a subclass of str has


@lru_cache(maxsize=1024)  # a server is asked for the same files again and again
def _guess(filename: str) -> str:
    name = filename[max(filename.rfind("/"), filename.rfind("\\")) + 1 :]
    stem, dot, extension = name.rpartition(".")
    if not stem.strip("."):  # ".gz" is a hidden file without an extension
        return OCTET_STREAM
    extension = dot + extension.lower()
    return _TYPES.get(extension) or _PYTHONS_TYPES.get(extension) or OCTET_STREAM


@lru_cache(maxsize=256)
def is_compressible(media_type: str | bytes) -> bool:
    """Whether content of this type, or with this value of content-type, gets notably smaller when it is compressed.

    >>> is_compressible("image/svg+xml"), is_compressible("image/png")
    (True, False)
    """
    text = media_type if isinstance(media_type, str) else media_type.decode("latin-1")
    bare = text.partition(";")[0].strip().lower()
    return bare.startswith("text/") or bare.endswith(_COMPRESSIBLE_SUFFIXES) or bare in _COMPRESSIBLE


@lru_cache(maxsize=256)
def content_type(media_type: str, charset: str) -> Field:
    """The content-type field. `text/*` without a charset gets the class's, as Starlette does.

    Raises:
        TypeError: the media type is no text.
        ValueError: the media type has a character that no header can carry.

    >>> content_type("text/html", "utf-8")
    (b'content-type', b'text/html; charset=utf-8')
    """
    if not isinstance(media_type, str):
        raise TypeError(f"media_type must be a str, for example 'text/plain', got {media_type!r}")
    if media_type.startswith("text/") and "charset=" not in media_type.lower():
        # Not an f-string: of an enum's member, that shows the name. A ";" at the end would be doubled.
        media_type = media_type.rstrip("; \t") + "; charset=" + charset
    return encode_field("content-type", media_type)
