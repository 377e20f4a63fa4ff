"""A file behind a link, v3 over gRPC with the vendor's stubs: prints the operation, then each message.

AUTHORIZATION="Api-Key ..." python v3_files.py STT_HOST:443 OPERATION_HOST:443 LINK [CERTIFICATES]
"""

import os
import sys
import time
from pathlib import Path

import grpc
from yandex.cloud.ai.stt.v3 import stt_pb2, stt_service_pb2, stt_service_pb2_grpc
from yandex.cloud.operation import operation_service_pb2, operation_service_pb2_grpc


def main(stt_host: str, operation_host: str, link: str, certificates: str | None = None) -> None:
    metadata = [("authorization", os.environ["AUTHORIZATION"])]
    trusted = Path(certificates).read_bytes() if certificates else None
    credentials = grpc.ssl_channel_credentials(root_certificates=trusted)
    request = stt_pb2.RecognizeFileRequest(
        uri=link,
        recognition_model=stt_pb2.RecognitionModelOptions(
            model="general",
            audio_format=stt_pb2.AudioFormatOptions(
                container_audio=stt_pb2.ContainerAudio(container_audio_type=stt_pb2.ContainerAudio.WAV)
            ),
        ),
    )
    with (
        grpc.secure_channel(stt_host, credentials) as stt,
        grpc.secure_channel(operation_host, credentials) as operations,
    ):
        recognizer = stt_service_pb2_grpc.AsyncRecognizerStub(stt)
        operation = recognizer.RecognizeFile(request, metadata=metadata)
        print(operation)
        request = operation_service_pb2.GetOperationRequest(operation_id=operation.id)
        service = operation_service_pb2_grpc.OperationServiceStub(operations)
        while not service.Get(request, metadata=metadata).done:
            time.sleep(1)
        request = stt_service_pb2.GetRecognitionRequest(operation_id=operation.id)
        for message in list(recognizer.GetRecognition(request, metadata=metadata)):
            print(message)


if __name__ == "__main__":
    main(*sys.argv[1:])
