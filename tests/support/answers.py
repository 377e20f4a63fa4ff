"""Responses of the service, built by hand."""

from speechkit_nb.wire import v3


def serialized(**event) -> bytes:
    return v3.StreamingResponse(**event).SerializeToString()


def update(*texts: str, tag: str = "", start: int = 0, end: int = 1000) -> dict:
    """An `AlternativeUpdate` with one alternative per text; each word lasts 100 ms."""
    return {
        "channel_tag": tag,
        "alternatives": [
            {
                "text": text,
                "start_time_ms": start,
                "end_time_ms": end,
                "words": [
                    {"text": word, "start_time_ms": start + 100 * k, "end_time_ms": start + 100 * k + 100}
                    for k, word in enumerate(text.split())
                ],
            }
            for text in texts
        ],
    }


def final(index: int, *texts: str, tag: str = "0", **times: int) -> bytes:
    return serialized(
        channel_tag=tag, audio_cursors={"final_index": index}, final=update(*texts, tag=tag, **times)
    )


def refinement(index: int, *texts: str, tag: str = "0") -> bytes:
    refined = {"final_index": index, "normalized_text": update(*texts, tag=tag)}
    return serialized(channel_tag=tag, final_refinement=refined)
