"""Whether an Ogg file breaks off (RFC 3533, section 6). Pure.

Ogg says nowhere how long it is, but each page says how long the page is. The mark on the last
page is no evidence: browsers leave it out of whole recordings.
"""

from __future__ import annotations

MAGIC = b"OggS\x00"
MAX_PAGE_BYTES = 27 + 255 + 255 * 255


def breaks_off(tail: bytes) -> bool:
    """Whether a file that ends with ``tail`` (MAX_PAGE_BYTES are enough) ends within a page.

    False where ``tail`` holds no page: then something else than Ogg was appended.
    """
    at = tail.rfind(MAGIC)
    if at < 0:
        return False
    page = tail[at:]
    if len(page) < 27 or len(page) < 27 + page[26]:
        return True
    return len(page) < 27 + page[26] + sum(page[27 : 27 + page[26]])
