"""The guide's program for v2 streams: headerless 8 kHz samples of a file, without pauses between the pieces.

AUTHORIZATION="Bearer ..." python v2_streaming.py STT_HOST:443 FOLDER_ID FILE
"""

import os
import sys
from collections.abc import Iterator

import grpc
import yandex.cloud.ai.stt.v2.stt_service_pb2 as stt_service_pb2
import yandex.cloud.ai.stt.v2.stt_service_pb2_grpc as stt_service_pb2_grpc

CHUNK_SIZE = 4000


def generate(folder_id: str, path: str) -> Iterator[stt_service_pb2.StreamingRecognitionRequest]:
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
        data = file.read(CHUNK_SIZE)
        while data != b"":
            yield stt_service_pb2.StreamingRecognitionRequest(audio_content=data)
            data = file.read(CHUNK_SIZE)


def main(host: str, folder_id: str, path: str) -> None:
    channel = grpc.secure_channel(host, grpc.ssl_channel_credentials())
    stub = stt_service_pb2_grpc.SttServiceStub(channel)
    metadata = (("authorization", os.environ["AUTHORIZATION"]),)
    answers = stub.StreamingRecognize(generate(folder_id, path), metadata=metadata)
    try:
        for answer in answers:
            try:
                print("Start chunk: ")
                for alternative in answer.chunks[0].alternatives:
                    print("alternative: ", alternative.text)
                print("Is final: ", answer.chunks[0].final)
                print("")
            except LookupError:
                print("Not available chunks")
    except grpc._channel._Rendezvous as error:
        print(f"Error code {error._state.code}, message: {error._state.details}")


if __name__ == "__main__":
    main(*sys.argv[1:])
