"""Headerless 8 kHz samples of a file, v2 streaming with the vendor's stubs: prints texts and `final`.

AUTHORIZATION="Bearer ..." python v2_streaming.py STT_HOST:443 FOLDER_ID FILE [CERTIFICATES]
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
from yandex.cloud.ai.stt.v2 import stt_service_pb2, stt_service_pb2_grpc

CHUNK_SIZE = 4000


def requests(folder_id: str, path: str) -> Iterator[stt_service_pb2.StreamingRecognitionRequest]:
    specification = stt_service_pb2.RecognitionSpec(
        language_code="ru-RU",
        profanity_filter=True,
        model="general",
        partial_results=True,
        audio_encoding="LINEAR16_PCM",
        sample_rate_hertz=8000,
    )
    config = stt_service_pb2.RecognitionConfig(specification=specification, folder_id=folder_id)
    yield stt_service_pb2.StreamingRecognitionRequest(config=config)
    with open(path, "rb") as file:
        while data := file.read(CHUNK_SIZE):
            yield stt_service_pb2.StreamingRecognitionRequest(audio_content=data)


def main(host: str, folder_id: str, path: str, certificates: str | None = None) -> None:
    metadata = [("authorization", os.environ["AUTHORIZATION"])]
    trusted = Path(certificates).read_bytes() if certificates else None
    with grpc.secure_channel(host, grpc.ssl_channel_credentials(root_certificates=trusted)) as channel:
        stub = stt_service_pb2_grpc.SttServiceStub(channel)
        for answer in stub.StreamingRecognize(requests(folder_id, path), metadata=metadata):
            try:
                chunk = answer.chunks[0]
                for alternative in chunk.alternatives:
                    print("alternative:", alternative.text)
                print("final:", chunk.final)
            except LookupError:
                print("no chunk")


if __name__ == "__main__":
    main(*sys.argv[1:])
