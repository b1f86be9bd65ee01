"""Why a link gave no audio. Internal to fetching: a fault ends in the records and in dead-links.csv, never the run."""


class LinkFault(Exception):
    """`reason` is one short line for people.

    passing: another try, now or in a later run, may succeed. retry_after_s: what the server asked for, if it did.
    progressed: bytes came before the fault, and are kept.
    """

    def __init__(
        self, reason: str, *, passing: bool = False, retry_after_s: float | None = None, progressed: bool = False
    ) -> None:
        super().__init__(reason)
        self.reason, self.passing = reason, passing
        self.retry_after_s, self.progressed = retry_after_s, progressed


class PageFound(Exception):
    """The link leads to a web page or a playlist, which yt-dlp may understand; `media_type` is what the server said."""

    def __init__(self, media_type: str) -> None:
        super().__init__(media_type)
        self.media_type = media_type
