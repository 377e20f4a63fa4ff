"""A file behind a link in Ogg Opus, the default format, v2 over REST: prints its text chunk by chunk.

AUTHORIZATION="Api-Key ..." python v2_files.py https://TRANSCRIBE_HOST https://OPERATION_HOST LINK

REQUESTS_CA_BUNDLE names another file of certificates to trust.
"""

import os
import sys
import time

import requests


def main(transcribe: str, operations: str, link: str, language: str = "ru-RU") -> None:
    headers = {"Authorization": os.environ["AUTHORIZATION"]}
    body = {"config": {"specification": {"languageCode": language}}, "audio": {"uri": link}}
    url = f"{transcribe}/speech/stt/v2/longRunningRecognize"
    operation = requests.post(url, headers=headers, json=body, timeout=30).json()
    while True:
        time.sleep(1)
        url = f"{operations}/operations/{operation['id']}"
        operation = requests.get(url, headers=headers, timeout=30).json()
        if operation["done"]:
            break
        print("not done yet")
    for chunk in operation["response"]["chunks"]:
        print(chunk["alternatives"][0]["text"])


if __name__ == "__main__":
    main(*sys.argv[1:])
