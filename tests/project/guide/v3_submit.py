"""The guide's first program for v3: sends the link of a WAV file, and prints the operation.

AUTHORIZATION="Api-Key ..." python v3_submit.py STT_HOST:443 LINK
"""

import os
import sys

import grpc
import yandex.cloud.ai.stt.v3.stt_pb2 as stt_pb2
import yandex.cloud.ai.stt.v3.stt_service_pb2_grpc as stt_service_pb2_grpc


def main(host: str, link: str) -> None:
    request = stt_pb2.RecognizeFileRequest(
        uri=link,
        recognition_model=stt_pb2.RecognitionModelOptions(
            model="general",
            audio_format=stt_pb2.AudioFormatOptions(
                container_audio=stt_pb2.ContainerAudio(container_audio_type=stt_pb2.ContainerAudio.WAV)
            ),
        ),
    )
    credentials = grpc.ssl_channel_credentials()
    channel = grpc.secure_channel(host, credentials)
    stub = stt_service_pb2_grpc.AsyncRecognizerStub(channel)
    metadata = [("authorization", os.environ["AUTHORIZATION"])]
    print(stub.RecognizeFile(request, metadata=metadata))


if __name__ == "__main__":
    main(*sys.argv[1:])
