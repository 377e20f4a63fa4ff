"""The guide's second program for v3: prints the messages of the result as a list.

AUTHORIZATION="Api-Key ..." python v3_result.py STT_HOST:443 OPERATION_ID
"""

import os
import sys

import grpc
import yandex.cloud.ai.stt.v3.stt_service_pb2 as stt_service_pb2
import yandex.cloud.ai.stt.v3.stt_service_pb2_grpc as stt_service_pb2_grpc


def main(host: str, operation_id: str) -> None:
    request = stt_service_pb2.GetRecognitionRequest(operation_id=operation_id)
    credentials = grpc.ssl_channel_credentials()
    channel = grpc.secure_channel(host, credentials)
    stub = stt_service_pb2_grpc.AsyncRecognizerStub(channel)
    metadata = [("authorization", os.environ["AUTHORIZATION"])]
    print(list(stub.GetRecognition(request, metadata=metadata)))


if __name__ == "__main__":
    main(*sys.argv[1:])
