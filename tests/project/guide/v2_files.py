"""The guide's program for v2: a file behind a link in Ogg Opus, over REST; prints the answer, then the texts.

AUTHORIZATION="Api-Key ..." python v2_files.py TRANSCRIBE_URL OPERATION_URL LINK SPECIFICATION

The specification is {"languageCode": "ru-RU"}, and with more fields for headerless samples.
"""

import json
import os
import sys
import time

import requests


def main(transcribe_host: str, operation_host: str, link: str, specification: str) -> None:
    body = {"config": {"specification": json.loads(specification)}, "audio": {"uri": link}}
    header = {"Authorization": os.environ["AUTHORIZATION"]}

    answer = requests.post(f"{transcribe_host}/speech/stt/v2/longRunningRecognize", headers=header, json=body)
    data = answer.json()
    print(data)
    operation_id = data["id"]

    while True:
        time.sleep(1)
        answer = requests.get(f"{operation_host}/operations/{operation_id}", headers=header)
        answer = answer.json()
        if answer["done"]:
            break
        print("Not ready")

    print("Response:")
    print(json.dumps(answer, ensure_ascii=False, indent=2))

    print("Text chunks:")
    for chunk in answer["response"]["chunks"]:
        print(chunk["alternatives"][0]["text"])


if __name__ == "__main__":
    main(*sys.argv[1:])
